"""Memory for large results, used again when nothing refers to it any more.

Fresh memory is mapped page by page as it is first written, which takes longer than a kernel does.
PyTorch hands large tensors on the CPU back to the system when they are freed; here they are kept
for the next of their size. A tensor owns its memory like any other: whoever still holds it, a view
of it, or a graph that saved it, holds the memory too.

Not for tensors that the system shares between processes.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from math import prod
from threading import Lock
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

SPARE = 4
"""How many times as large as asked for the memory may be that is given."""

_free: list[np.ndarray] = []
"""What nobody uses, the smallest first; touched by whoever holds `_lock`."""

_returned: deque[np.ndarray] = deque()
"""What came back since. Its `append` is atomic: memory comes back wherever the garbage collector
happens to run, also in a thread that holds the lock."""

_lock = Lock()


class _Lease(np.ndarray):
    """What a tensor refers to: gives its memory back when the last reference goes."""

    def __del__(self) -> None:
        if isinstance(self.base, np.ndarray):
            _returned.append(self.base)


def empty(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """As `torch.empty` on the CPU: contiguous, holding whatever was there."""
    count = prod(shape)
    wanted = count * dtype.itemsize + ALIGNMENT
    if wanted < LEAST:
        return torch.empty(*shape, dtype=dtype, device="cpu")
    memory = _taken(wanted)
    lease: Any = memory.view(_Lease)
    offset = -memory.ctypes.data % ALIGNMENT
    return torch.frombuffer(lease, dtype=dtype, count=count, offset=offset).view(*shape)


def _taken(wanted: int) -> np.ndarray:
    """Memory of at least so many bytes."""
    with _lock:
        while _returned:
            insort(_free, _returned.popleft(), key=_size)
        while sum(map(_size, _free)) > MOST:
            _free.pop(0)  # the large ones cost most to get again
        at = bisect_left(_free, wanted, key=_size)
        if at < len(_free) and _size(_free[at]) <= SPARE * wanted:
            return _free.pop(at)
    return np.empty(wanted, np.uint8)


def _size(memory: np.ndarray) -> int:
    return memory.nbytes


def empty_like(x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """`empty` of the same shape, type and device; of another type, if one is given."""
    dtype = dtype or x.dtype
    return empty(x.shape, dtype) if x.is_cpu else x.new_empty(x.shape, dtype=dtype)
