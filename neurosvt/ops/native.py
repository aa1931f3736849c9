"""How an op calls a kernel: every argument is held against what the kernel declares.

The kernels take one float type per call; `suits` says whether tensors fit, and whoever they do not
fit runs the PyTorch form. Every op of the network's dynamics takes a `backend`; windows and
products on the grid, the same to the bit either way, take their kernels wherever these fit.

    auto, native   the kernels where they were built and fit, else PyTorch with a backward pass
                   written out
    manual         that PyTorch form
    compile        the same, with `torch.compile` for the neurons
    reference      the definition, differentiated by autograd
"""

from typing import Any

import torch
from torch import Tensor

from neurosvt.native import library
from neurosvt.native.signatures import SIGNATURES, Argument

_KINDS = {
    torch.float32: "f32", torch.bfloat16: "bf16", torch.float64: "f64", torch.int64: "i64",
    torch.uint8: "u8", torch.bool: "u8",
}  # fmt: skip
BUILT = library() is not None
"""Whether there are kernels on this machine."""

OUTSIDE = -1
"""What a kernel answers to an index that leads nowhere; as in native/kernel.hpp."""


def suits(x: Tensor, backend: str = "auto") -> bool:
    """Whether there are kernels for this tensor's kind and place, and the backend wants them."""
    wanted = backend in ("auto", "native") and BUILT
    return wanted and x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16)


def call(name: str, *arguments: Tensor | float | int | None) -> int:
    """Call a kernel with tensors and numbers in the order of its signature, sizes left out: these
    are taken from the tensors.

    Tensors must be contiguous, on the CPU, and of the declared types and shapes. They are kept
    alive by the caller's own references. The threads are as many as PyTorch uses.

    Raises:
        ValueError: an argument is not as declared, or an index leads nowhere; nothing was done.
    """
    given = iter(arguments)
    plain: list[Any] = []
    late: list[tuple[int, str]] = []
    sizes: dict[str | int, int] = {}
    own = None
    for argument in SIGNATURES[name].arguments:
        if argument.kind == "size":
            late.append((len(plain), argument.name))
            plain.append(0)
            continue
        x = next(given)
        if not argument.is_array or (x is None and argument.optional):
            plain.append(x)  # None is a null pointer; ctypes refuses a number that is none
            continue
        kind = _KINDS.get(x.dtype) if isinstance(x, Tensor) else None
        if argument.kind == "T":
            own = own or kind
        wanted = own if argument.kind == "T" else argument.kind
        if (
            not isinstance(x, Tensor)
            or kind is None
            or kind != wanted
            or not _lies_right(x, argument.axes, sizes)
        ):
            raise _misfit(name, argument, x, sizes)
        plain.append(x.data_ptr())
    for at, axis in late:
        plain[at] = sizes[axis]
    kernel = getattr(library(), f"{name}_{own or 'f32'}")
    answer = kernel(*plain, torch.get_num_threads())
    if answer == OUTSIDE:
        raise ValueError(f"{name}: an index lies outside of what it leads into")
    return answer or 0


def _lies_right(x: Tensor, axes: tuple[str | int, ...], sizes: dict[str | int, int]) -> bool:
    """Whether it is on the CPU without gaps, and as large as what has the same letters."""
    if x.device.type != "cpu" or not x.is_contiguous() or x.ndim != len(axes):
        return False
    for axis, size in zip(axes, x.shape, strict=True):
        if (axis if isinstance(axis, int) else sizes.setdefault(axis, size)) != size:
            return False
    return True


def _misfit(name: str, argument: Argument, x: Any, sizes: dict[str | int, int]) -> ValueError:
    wanted = ", ".join(str(sizes.get(axis, axis)) for axis in argument.axes)
    got = repr(x)
    if isinstance(x, Tensor):
        gaps = "" if x.is_contiguous() else ", with gaps"
        got = f"{x.dtype} {tuple(x.shape)} on {x.device}{gaps}"
    return ValueError(
        f"{name}: {argument.name} must be {argument.kind} ({wanted}) on the CPU without gaps; "
        f"got {got}"
    )
