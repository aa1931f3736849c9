"""Spikes times weights: sums of whole numbers, taken the way that is cheapest here.

On the grid (weights that are multiples of a power of two, see `NeuroSVT.on_grid`) every order of
summation gives the same to the bit, so the way is free to choose, and the choice shows in nothing
but time. It is made for each call from what was measured once in this process:

    dense    a float32 matrix product
    planes   the weights as whole numbers in two bytes, one integer product for each
    gather   rows of weights added up, one for each spike; its cost is the number of spikes

Axes: R rows, D inputs, E outputs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from neurosvt.native.processor import multiplies_bytes
from neurosvt.ops.buffers import empty
from neurosvt.ops.native import call, numbers_or_bytes, suits
from neurosvt.ops.operators import Operator, ready

UNIT = 2.0**-12
"""Spacing of the grid."""


@dataclass(frozen=True)
class GridWeight:
    """A weight on the grid, laid out for each of the ways."""

    weight: Float[Tensor, "E D"]
    by_input: Float[Tensor, "D E"]
    high: Int[Tensor, "D E"]
    """The weight is `(256 * high + low) * UNIT`."""
    low: Int[Tensor, "D E"]

    @classmethod
    def of(cls, weight: Float[Tensor, "E D"]) -> "GridWeight | None":
        """None for weights that are off the grid, or too large for two bytes (8 and beyond)."""
        whole = (weight.detach().double() / UNIT).T.contiguous()
        high = ((whole + 128) / 256).floor()
        low = whole - 256 * high
        if (whole != whole.round()).any() or high.abs().max() > 127:
            return None
        by_input = weight.detach().T.contiguous()
        return cls(weight.detach(), by_input, high.to(torch.int8), low.to(torch.int8))


def dense(spikes: Tensor, weight: GridWeight) -> Tensor:
    """A float32 matrix product."""
    return F.linear(spikes.float(), weight.weight)


def planes(spikes: Tensor, weight: GridWeight) -> Tensor:
    """Two integer products: sums are whole numbers below 2^31, rounded to float32 as a float32 sum
    below 2^24 units, which needs no rounding, would be."""
    ones = spikes.to(torch.int8)
    high, low = torch._int_mm(ones, weight.high), torch._int_mm(ones, weight.low)
    return (high * 256 + low).float() * UNIT


def gather(spikes: Tensor, weight: GridWeight) -> Tensor:
    """Rows of weights added up, one for each spike."""
    out: Tensor = _gather(spikes, weight.by_input)
    return out


def gathered(spikes: Tensor, by_input: Tensor) -> Tensor:
    """`gather` by the kernel alone, for the kernels of other operators."""
    out = empty((len(spikes), by_input.shape[1]))
    spikes = ready(spikes, spikes.dtype)
    call("gather_rows", *numbers_or_bytes(spikes), ready(by_input), out)
    return out


_gather = Operator(
    "gather_rows(Tensor spikes, Tensor by_input) -> Tensor",
    gathered,
    lambda spikes, by_input: by_input.new_empty(len(spikes), by_input.shape[1]),
)


def grid_product(spikes: Shaped[Tensor, "R D"], weight: GridWeight) -> Float[Tensor, "R E"]:
    """`spikes @ weight.T` in float32, exact in every bit; no gradients. A spike may be a byte."""
    rows, inputs = spikes.shape
    if not (suits(spikes) or (spikes.dtype == torch.uint8 and suits(weight.weight))) or not rows:
        return dense(spikes, weight)
    ways = costs(1 << (rows - 1).bit_length(), inputs, weight.weight.shape[0])
    fired = int(spikes.count_nonzero())
    best = min(ways, key=lambda way: ways[way].seconds(fired))
    return WAYS[best](spikes, weight)


WAYS: dict[str, Callable[[Tensor, GridWeight], Tensor]] = {
    "dense": dense, "planes": planes, "gather": gather,
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Seconds of a way: some whatever fires, and some for each spike."""

    fixed: float
    per_spike: float = 0.0

    def seconds(self, fired: int) -> float:
        return self.fixed + self.per_spike * fired


@cache
def costs(rows: int, inputs: int, outputs: int) -> dict[str, Cost]:
    """What the ways cost at this shape, measured at the first call: a few milliseconds."""
    generator = torch.Generator().manual_seed(0)
    whole = torch.randint(-2048, 2048, (outputs, inputs), generator=generator)
    weight = GridWeight.of(whole.float() * UNIT)
    assert weight is not None
    silent = torch.zeros(rows, inputs)
    busy = (torch.rand(rows, inputs, generator=generator) < 0.25).float()
    idle = _fastest(lambda: gather(silent, weight))
    each = (_fastest(lambda: gather(busy, weight)) - idle) / max(1, int(busy.sum()))
    found = {
        "dense": Cost(_fastest(lambda: dense(busy, weight))),
        "gather": Cost(idle, max(0.0, each)),
    }
    if multiplies_bytes():  # else one call takes longer than all that it could save
        found["planes"] = Cost(_fastest(lambda: planes(busy, weight)))
    return found


def _fastest(run: Callable[[], object], times: int = 3) -> float:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
