"""Where models run: on which device, and by which kernels there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from neurosvt.config import UserError
from neurosvt.ops.gpu import refuse_cupy, why_not

_PLACE: ContextVar[torch.device | None] = ContextVar("_PLACE", default=None)


def place() -> torch.device:
    """Where models go that are loaded now: the CPU, unless `models_on` says otherwise."""
    return _PLACE.get() or torch.device("cpu")


@contextmanager
def models_on(
    device: str | torch.device,
    *,
    cupy: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[None]:
    """Models that are loaded meanwhile go to this device.

    Args:
        device: as PyTorch names it.
        cupy: False: CUDA tensors do without the kernels for them.
        say: told in a line if they have to do without, though nobody asked for that.

    Raises:
        UserError: there is no such device here.
    """
    before = _PLACE.set(checked_device(device))
    refuse_cupy(not cupy)
    try:
        line = missing_kernels("auto", place()) if cupy else None
        if line:
            say(line)
        yield
    finally:
        refuse_cupy(False)
        _PLACE.reset(before)


def missing_kernels(backend: str, device: torch.device) -> str | None:
    """What to tell whoever asks for CUDA kernels and gets PyTorch, in a line; None where there are
    some, or none are asked for."""
    if device.type == "cuda":
        why = why_not() if backend in ("auto", "cupy") else None
        return f"no CUDA kernels, PyTorch alone, slower: {why}" if why else None
    if backend == "cupy":
        return f"backend cupy is for CUDA devices, and this is {device}: PyTorch alone, slower"
    return None


def checked_device(name: str | torch.device) -> torch.device:
    """A device that is there: better known before the data are read than after.

    Raises:
        UserError: it is not.
    """
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = ["cpu", *(["cuda"] if cuda else []), *(f"cuda:{i}" for i in range(cuda))]
    if str(name) not in there:
        raise UserError(f"device {str(name)!r} is not here; choose from {', '.join(there)}")
    return torch.device(name)
