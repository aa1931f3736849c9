"""What is there before the first frame: weights, and what is made of nothing else.

A weight is what no pass writes. A buffer that is read, and only later in the block written or
replaced, was state all along: what was done with it for nothing until then is charged after all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.parameter import is_lazy

from neurosvt.energy.operations import Operations

Roots = frozenset[int]
"""The weights that a tensor is made of, by the addresses of their storages."""


class _Known(NamedTuple):
    storage: StorageWeakRef
    """A storage that died leaves its address to another, which is something else."""
    roots: Roots


@dataclass
class Bill:
    """What was done with weights alone, for nothing."""

    roots: Roots
    layer: str
    operator: str
    times: int
    done: Operations | None
    """None if the operator is in no table."""


class Held:
    """Storages of weights and of what is made of them."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._owed: dict[tuple[Roots, str, str], Bill] = {}

    def own(self, weights: Iterable[Tensor]) -> None:
        """These are weights."""
        for x in weights:
            if not is_lazy(x) and strangeness(x) is None and x.numel() and self.roots((x,)) is None:
                at = _address(x)
                self._known[at] = _Known(StorageWeakRef(x.untyped_storage()), frozenset((at,)))

    def roots(self, inputs: Iterable[Tensor]) -> Roots | None:
        """The weights that all of these are made of; None if anything else is among them."""
        found: Roots = frozenset()
        for x in inputs:
            at = _address(x)
            known = self._known.get(at)
            if known is None or not at or known.storage.expired():
                return None
            found = found | known.roots if found else known.roots
        return found

    def holds(self, x: Tensor) -> bool:
        """Whether a tensor is a weight, or made of nothing but these."""
        return self.roots((x,)) is not None

    def make(self, outputs: Iterable[Tensor], roots: Roots) -> None:
        """These were made of nothing but weights."""
        for x in outputs:
            at = _address(x)
            if not self.is_weight(x):  # which is a weight, and stays one until it is written
                self._known[at] = _Known(StorageWeakRef(x.untyped_storage()), roots)

    def is_weight(self, x: Tensor) -> bool:
        """Whether a tensor is a weight itself, or a part of one."""
        roots = self.roots((x,))
        return roots is not None and _address(x) in roots

    def forgo(self, roots: Roots, layer: str, operator: str, done: Operations | None) -> None:
        """Leave uncharged what was done with weights alone."""
        if done is not None and not done:
            return
        key = roots, layer, operator
        bill = self._owed.setdefault(key, Bill(roots, layer, operator, 0, done and Operations()))
        bill.times += 1
        if bill.done is not None and done is not None:
            bill.done += done

    @property
    def owed(self) -> bool:
        """Whether anything was left uncharged."""
        return bool(self._owed)

    def release(self, x: Tensor) -> list[Bill]:
        """This flows from now on, and what is made of it; what was left uncharged for its sake."""
        at = _address(x)
        known = self._known.pop(at, None)
        if known is None or at not in known.roots:
            return []
        self._known = {to: made for to, made in self._known.items() if at not in made.roots}
        due = [key for key, bill in self._owed.items() if at in bill.roots]
        return [self._owed.pop(key) for key in due]


def strangeness(x: Tensor) -> str | None:
    """What keeps a tensor's numbers from being counted, in a word; None if nothing does."""
    if x.is_nested:
        return "nested"
    return _kind(x.layout, x.dtype, x.device.type)


@cache
def _kind(layout: torch.layout, dtype: torch.dtype, device: str) -> str | None:
    if layout is not torch.strided:
        return "sparse or packed"
    if dtype in (torch.quint8, torch.qint8, torch.qint32, torch.quint4x2, torch.quint2x4):
        return "quantised"
    if dtype.is_complex:
        return "complex"
    if device == "meta":
        return "meta"
    return "8-bit floating" if dtype.is_floating_point and dtype.itemsize == 1 else None


def _address(x: Tensor) -> int:
    return x.untyped_storage().data_ptr() if x.layout is torch.strided else 0
