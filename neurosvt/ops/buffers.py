"""Memory for large results, used again when nothing refers to it any more.

Fresh memory is mapped page by page as it is first written, which takes longer than a kernel does.
PyTorch hands large tensors on the CPU back to the system when they are freed; here they are kept
for the next of their size. A tensor owns its memory like any other: whoever still holds it, a view
of it, or a graph that saved it, holds the memory too.

Not for tensors that the system shares between processes.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

LEAST = 1 << 18
"""Bytes below which PyTorch's own memory is as fast."""

MOST = 1 << 30
"""Bytes that are kept at most while nobody uses them."""

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""

_free: dict[int, list[np.ndarray]] = defaultdict(list)
_kept = 0


class _Lease(np.ndarray):
    """What a tensor refers to: gives its memory back when the last reference goes."""

    def __del__(self) -> None:
        global _kept
        memory = self.base
        if isinstance(memory, np.ndarray) and _kept + memory.nbytes <= MOST:
            _free[memory.nbytes].append(memory)
            _kept += memory.nbytes


def empty(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """As `torch.empty` on the CPU: contiguous, holding whatever was there."""
    global _kept
    count = prod(shape)
    wanted = count * dtype.itemsize
    if wanted < LEAST:
        return torch.empty(*shape, dtype=dtype)
    size = _rounded(wanted)
    if _free[size]:
        memory = _free[size].pop()
        _kept -= size
    else:
        memory = np.empty(size, np.uint8)
    lease: Any = memory.view(_Lease)
    offset = -memory.ctypes.data % ALIGNMENT
    return torch.frombuffer(lease, dtype=dtype, count=count, offset=offset).view(*shape)


def empty_like(x: Tensor) -> Tensor:
    """`empty` of the same shape and type."""
    return empty(x.shape, x.dtype)


def _rounded(size: int) -> int:
    """Up to an eighth more, so that results of nearly equal size share memory; room to align."""
    step = 1 << max(size.bit_length() - 4, 0)
    return -(-size // step) * step + ALIGNMENT
