"""How an op calls a kernel: contiguous tensors on the CPU, in float32 or bfloat16.

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

_SUFFIX = {torch.float32: "f32", torch.bfloat16: "bf16"}


def suits(x: Tensor, backend: str = "auto") -> bool:
    """Whether there are kernels for this tensor's kind and place, and the backend wants them."""
    wanted = backend in ("auto", "native") and library() is not None
    return wanted and x.device.type == "cpu" and x.dtype in _SUFFIX


def call(name: str, dtype: torch.dtype, *arguments: Any) -> int:
    """Call the kernel of that name for that type; a tensor is passed as the address of its data.

    Tensors must be contiguous, and are kept alive by the caller's own references. The threads are
    as many as PyTorch uses.
    """
    plain = [
        a.data_ptr() if isinstance(a, Tensor) else a  # None is a null pointer
        for a in arguments
    ]
    kernel = getattr(library(), f"{name}_{_SUFFIX[dtype]}")
    result: int = kernel(*plain, torch.get_num_threads())  # as `native.SIGNATURES` declares
    return result
