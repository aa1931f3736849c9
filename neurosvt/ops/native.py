"""How an op calls a kernel: every argument is held against what the kernel declares.

The kernels take one float type per call; `suits` says whether tensors fit, and whoever they do not
fit runs the PyTorch form. Every op of the network's dynamics takes a `backend`; windows and
products on the grid, the same to the bit either way, take their kernels wherever these fit.

    auto           the kernels that there are where the tensors are: native or cupy
    native         the C++ kernels for tensors on the CPU where they were built and fit, else
                   PyTorch with a backward pass written out
    cupy           the same of the CUDA kernels (ops/gpu.py) and tensors on a GPU
    manual         that PyTorch form
    compile        the same, with `torch.compile` for the neurons
    reference      the definition, differentiated by autograd
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from neurosvt.native import library
from neurosvt.native.signatures import GIVEN, SIGNATURES
from neurosvt.ops import gpu
from neurosvt.ops.binding import KINDS, misfit

BUILT = library() is not None
"""Whether there are kernels on this machine."""

_FAULTS = {
    -1: "an index lies outside of what it leads into",
    -2: "a decay lies outside of [0, 1]",
}
"""What a kernel answers that did nothing; as in native/kernel.hpp."""


def suits(x: Tensor, backend: str = "auto", *, on_gpus: bool = False) -> bool:
    """Whether there are kernels for this tensor's kind and place, and the backend wants them. ONNX
    knows PyTorch's operators alone.

    Args:
        on_gpus: whether what is asked for is in `gpu.DOORS`.
    """
    if torch.compiler.is_compiling() and torch.onnx.is_in_onnx_export():
        return False
    if on_gpus and backend in ("auto", "cupy") and gpu.takes(x):
        return True
    wanted = backend in ("auto", "native") and BUILT
    return wanted and x.is_cpu and x.dtype in (torch.float32, torch.bfloat16)


def numbers_or_bytes(spikes: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Spikes in the one of two arguments in which a kernel takes their kind."""
    return (None, spikes) if spikes.dtype == torch.uint8 else (spikes, None)


@cache
def _plan(name: str) -> tuple[list[Any], list[tuple[int, str]], dict[torch.dtype, Any]]:
    """Looked up once, for many a call takes no longer than this: what a caller gives, with its
    place and the types that would do (none for the call's own); where sizes go; the kernels."""
    signature = SIGNATURES[name]
    places = list(enumerate(signature.arguments))
    kinds = {k: [t for t in KINDS if KINDS[t] == k] for k in KINDS.values()}
    return (
        [(at, x, kinds.get(x.kind, [])) for at, x in places if x.kind != "size"],
        [(at, x.name) for at, x in places if x.kind == "size"],
        {t: getattr(library(), f"{name}_{k}") for t, k in KINDS.items() if k in signature.kinds},
    )


def call(name: str, *arguments: Tensor | Sequence[int] | float | int | None) -> int:
    """Call a kernel with tensors and numbers in the order of its signature, sizes left out: these
    are taken from the tensors.

    Tensors must be contiguous, on one device, and of the declared types and shapes; whole numbers
    may come as a list. The caller's own references keep them alive. On the CPU, the threads are as
    many as PyTorch uses.

    Raises:
        ValueError: an argument is not as declared, or an index leads nowhere; nothing was done.
    """
    first = arguments[0]
    if name in gpu.DOORS and isinstance(first, Tensor) and gpu.takes(first):
        gpu.call_on_gpu(name, *arguments)
        return 0
    taken, late, kernels = _plan(name)
    plain: list[Any] = [0] * (len(taken) + len(late))
    sizes = GIVEN.copy()
    own: torch.dtype | None = None
    x: Any
    shape: Sequence[int]
    for (at, argument, dtypes), x in zip(taken, arguments, strict=True):
        axes = argument.axes
        if not axes or (x is None and argument.optional):
            plain[at] = x  # None is a null pointer; ctypes refuses a number that is none
            continue
        if isinstance(x, Tensor):
            dtype, shape = x.dtype, x.shape
            if not dtypes and own is None and dtype in kernels:
                own = dtype
            fits = dtype in dtypes if dtypes else dtype is own
            if not (fits and x.is_cpu and x.is_contiguous() and len(shape) == len(axes)):
                raise misfit(name, argument, x, sizes, "the CPU")
            plain[at] = x.data_ptr()
        elif argument.kind == "i64" and isinstance(x, list | tuple):
            shape = (len(x),)
            plain[at] = (ctypes.c_int64 * len(x))(*x)
        else:
            raise misfit(name, argument, x, sizes, "the CPU")
        for axis, size in zip(axes, shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise misfit(name, argument, x, sizes, "the CPU")
    for at, axis in late:
        plain[at] = sizes[axis]
    answer: int | None = kernels[own or torch.float32](*plain, torch.get_num_threads())
    if answer is None or answer >= 0:
        return answer or 0
    raise ValueError(f"{name}: {_FAULTS[answer]}")
