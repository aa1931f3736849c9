"""A step that is made of several passes, in one process or in many: one batch, one gradient.

Axes: G passes, P parts of a loss.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter

from neurosvt.ops.across import processes, sum_across


@runtime_checkable
class Weighs(Protocol):
    """An objective that says how much a batch counts; batches of others all count alike."""

    def weigh(self, batch: Any) -> Any:
        """How many samples each part of the loss is a mean over: a named tuple as the loss is."""


def timed_groups(batches: Iterable[Any], many: int) -> Iterator[tuple[float, float, list[Any]]]:
    """Groups of so many batches, the last one of what is left; with each the seconds waited for it,
    and since the group before it was asked for."""
    before = time.perf_counter()
    iterator = iter(batches)
    while True:
        asked = time.perf_counter()
        group = list(islice(iterator, many))
        if not group:
            return
        now = time.perf_counter()
        yield now - asked, now - before, group
        before = now


def shares_of(
    objective: Any, passes: Sequence[Any], device: torch.device
) -> Sequence[Float[Tensor, " P"] | None]:
    """What the loss of each pass counts in that of the whole step, by its parts; None where there
    is nothing but one pass of one process."""
    if len(passes) == 1 and processes() == 1:
        return [None]
    counts = torch.ones(len(passes), 1, dtype=torch.double, device=device)
    if isinstance(objective, Weighs):
        said = [[int(part) for part in objective.weigh(batch)] for batch in passes]
        counts = torch.tensor(said, dtype=torch.double, device=device)
    whole = counts.sum(0)
    if processes() > 1:
        (whole,) = sum_across(whole)
    return list(counts / whole.clamp(min=1))


def weighted(loss: Any, share: Float[Tensor, " P"] | None) -> Any:
    """A loss as part of that of the whole step."""
    if share is None:
        return loss
    shares = share.expand(len(loss))
    return loss._make(part * s.to(part.dtype) for part, s in zip(loss, shares, strict=True))


def add_across(parameters: Iterable[Parameter], loss: Float[Tensor, " P"]) -> Float[Tensor, " P"]:
    """Give every process the gradients of all, added up, and tell it the loss of all.

    A parameter that nobody has a gradient of keeps none, so that no optimiser moves it. One
    exchange, of everything at once; all processes get the same to the bit.
    """
    parameters = [p for p in parameters if p.requires_grad]
    mine = loss.new_tensor([p.grad is not None for p in parameters])
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    *sums, found, whole = sum_across(*gradients, mine, loss)
    for p, gradient, many in zip(parameters, sums, found.tolist(), strict=True):
        p.grad = gradient if many else None
    return whole
