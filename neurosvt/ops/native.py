"""How an op calls a kernel: contiguous tensors on the CPU, in float32 or bfloat16.

The kernels take one float type per call; `suits` says whether tensors fit, and whoever they do not
fit runs the PyTorch form.
"""

from typing import Any

import torch
from torch import Tensor

from neurosvt.native import library

_SUFFIX = {torch.float32: "f32", torch.bfloat16: "bf16"}


def suits(x: Tensor) -> bool:
    """Whether there are kernels for this tensor's kind and place."""
    return library() is not None and x.device.type == "cpu" and x.dtype in _SUFFIX


def call(name: str, dtype: torch.dtype, *arguments: Any) -> Any:
    """Call the kernel of that name for that type; a tensor is passed as the address of its data.

    Tensors must be contiguous, and are kept alive by the caller's own references.
    """
    plain = [
        a.data_ptr() if isinstance(a, Tensor) else a  # None is a null pointer
        for a in arguments
    ]
    return getattr(library(), f"{name}_{_SUFFIX[dtype]}")(*plain)
