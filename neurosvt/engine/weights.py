"""Weights as the engine reads them: tiles of 64 outputs, in few bits.

Axes: E outputs, D inputs, W words of 64 inputs, K tiles of 64 outputs; N positions.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from neurosvt.engine.layout import CProduct
from neurosvt.ops.products import UNIT

TILE = 64
BIT_ORDER = torch.tensor([(bit & 7) << 3 | bit >> 3 for bit in range(TILE)])
"""Which channel of its word each bit stands for (native/engine/vector.hpp)."""
PRECISIONS: dict[str, tuple[int, torch.dtype]] = {
    "int16": (0, torch.int16), "int8": (1, torch.int8), "float32": (2, torch.float32),
}  # fmt: skip
"""Of weights, and the number that stands for each in the C++. int16 is exact on the grid."""


def padded(size: int) -> int:
    """The next multiple of 64."""
    return -(-size // TILE) * TILE


@dataclass(frozen=True)
class Tiled:
    """A weight, laid out; `c` points into it, so keep it."""

    weights: Tensor
    """(..., K, D, 64)."""
    scale: Float[Tensor, " E"]
    run: Tensor
    """(..., K) rows that a sum of 16 bits holds; of floats it is not used."""
    kind: int
    inputs: int
    outputs: int

    @property
    def c(self) -> CProduct:
        """What the C++ takes."""
        run = None if self.kind == 2 else self.run.data_ptr()
        return CProduct(
            self.kind, self.inputs, self.outputs, self.weights.data_ptr(), self.scale.data_ptr(),
            run,
        )  # fmt: skip


def tiled(
    weight: Float[Tensor, "*N E D"],
    precision: str,
    scale: Float[Tensor, " E"] | None = None,
    *,
    spikes: bool = True,
) -> Tiled:
    """Lay out weights.

    Args:
        weight: as `nn.Linear` has them.
        precision: int16 becomes float32 for a weight that does not fit, which is as exact.
        scale: multiplies every output, beside the weight.
        spikes: whether inputs come as words of spikes, so that they lie in the order of bits.
    """
    outputs, inputs = weight.shape[-2:]
    weight = weight.detach().float()
    weight = F.pad(weight, (0, padded(inputs) - inputs, 0, padded(outputs) - outputs))
    own = weight.new_ones(outputs) if scale is None else scale.detach().float()
    own = F.pad(own, (0, padded(outputs) - outputs))
    if spikes:
        words = weight.unflatten(-1, (-1, TILE))
        weight = words[..., BIT_ORDER].flatten(-2)
    if precision == "int16" and not on_grid(weight):
        precision = "float32"
    kind, dtype = PRECISIONS[precision]
    if precision == "int16":
        weight, own = weight / UNIT, own * UNIT
    elif precision == "int8":
        step = quantisation_step(weight.reshape(-1, *weight.shape[-2:]))
        weight, own = (weight / step[:, None]).round().clamp(-127, 127), own * step
    tiles = weight.unflatten(-2, (-1, TILE)).transpose(-1, -2).contiguous()
    largest = tiles.abs().amax((-1, -2)).clamp(min=1)
    run = (32767 // largest).clamp(max=32767).to(torch.int32)
    return Tiled(
        tiles.to(dtype).contiguous(), own.contiguous(), run.contiguous(), kind, padded(inputs),
        padded(outputs),
    )  # fmt: skip


def on_grid(weight: Tensor) -> bool:
    """Whether all weights are multiples of `UNIT` that 16 bits hold."""
    units = weight / UNIT
    return bool((units == units.round()).all() and units.abs().max() <= 32767)


def quantisation_step(
    weight: Float[Tensor, "N E D"], levels: int = 127, unit: float | None = None
) -> Float[Tensor, " E"]:
    """What a whole number stands for, an output: the step of the least squared error among those
    that cut off up to a half of the range.

    Args:
        weight: that is to be rounded.
        levels: largest whole number; by default that of 8 bits.
        unit: of which steps are multiples; None for any.
    """
    rows = weight.transpose(0, 1).flatten(1)
    largest = rows.abs().amax(1).clamp(min=1e-9)
    best, least = largest / levels, torch.full_like(largest, torch.inf)
    for share in torch.linspace(0.5, 1, 26).tolist():
        step = largest * share / levels
        # Rounded up, so that the last of them cuts off nothing.
        step = step if unit is None else (step / unit).ceil().clamp(min=1) * unit
        held = (rows / step[:, None]).round_().clamp_(-levels, levels).mul_(step[:, None])
        error = held.sub_(rows).square_().sum(1)
        best = torch.where(error < least, step, best)
        least = torch.minimum(error, least)
    return best
