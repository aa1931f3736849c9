"""Real numbers as whole ones of few bits, for the engine in whole numbers.

Axes: N positions, E outputs, D inputs.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurosvt.engine.weights import quantisation_step

POINT = 14
"""Bits behind the point of currents, scores and probabilities."""
ACTIVE_POINT, MOST_ACTIVE = 9, 16383
"""Of what a dense layer reads, and the largest of these numbers."""
LONG_POINT = 20
"""Of the numbers of tracks."""
SUMS = 1 << 31
"""What a sum has to stay below."""
SCALE_BITS = 8
"""Of a channel's scale at most; weights are rounded in steps of it, so that it is exact."""


@dataclass(frozen=True)
class WholeWeights:
    """A weight: `numbers * scale / 2^point`."""

    numbers: Int[Tensor, "N E D"]
    scale: Int[Tensor, " E"]
    point: int


def whole_weights(weight: Float[Tensor, "N E D"], bits: int, most: int = 1) -> WholeWeights:
    """Weights of a number of bits, each output with a scale.

    Sums of what comes in have to fit 32 bits, whatever comes: where they would not, a weight has
    fewer bits.

    Args:
        weight: of spikes, or of numbers.
        bits: of a weight.
        most: largest of what comes in; a sum of spikes has to fit when it is scaled too.
    """
    weight, scale_bits = weight.double(), min(bits, SCALE_BITS)
    while True:
        found = _rounded(weight, bits, scale_bits)
        sums = found.numbers.abs().sum((0, 2)) * most
        if most == 1 and scale_bits > 1 and int((sums * found.scale).max()) >= SUMS // 2:
            scale_bits -= 1
        elif int(sums.max()) >= SUMS // 2:
            bits -= 1
        else:
            return found


def _rounded(weight: Float[Tensor, "N E D"], bits: int, scale_bits: int) -> WholeWeights:
    levels = 2 ** (bits - 1) - 1
    rough = float(quantisation_step(weight, levels).max())
    point = math.floor(math.log2((2**scale_bits - 1) / rough))
    step = quantisation_step(weight, levels, unit=2.0**-point)
    numbers = (weight / step[:, None]).round().clamp(-levels, levels).long()
    return WholeWeights(numbers, (step * 2.0**point).round().long(), point)


def whole_scale(scale: Float[Tensor, " E"], bits: int, most: int) -> WholeWeights:
    """What counts up to `most` are multiplied by: numbers of so many significant bits."""
    point = math.floor(math.log2(SUMS / 2 / (most * float(scale.abs().max()))))
    whole = (significant(scale.abs(), bits) * scale.sign() * 2.0**point).round().long()
    return WholeWeights(torch.ones_like(whole)[None, :, None], whole, point)


def significant(x: Float[Tensor, "..."], bits: int) -> Float[Tensor, "..."]:
    """The nearest numbers of so many significant bits; from 0 on."""
    x = x.double()
    unit = 2.0 ** (x.clamp(min=1e-30).log2().floor() + 1 - bits)
    return (x / unit).round() * unit


def whole_leak(halvings: Float[Tensor, " M"], bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Halvings a step as numbers of so many significant bits, and how far each is to be shifted
    back to give 65536ths."""
    found = significant(halvings * 65536, bits)
    shift = (bits - 1 - found.clamp(min=1e-30).log2().floor()).clamp(0, 40)
    numbers = (found * 2.0**shift).round()
    return numbers.numpy().astype(np.uint32), shift.numpy().astype(np.uint8)


def tables() -> dict[str, np.ndarray]:
    """Functions at 257 places of their range, as native/fixed/model.h names them."""
    x = torch.arange(257, dtype=torch.float64) / 256
    wide = 8 * x - 4
    found = {
        "half": 2**-x * 65536,
        "log2": (1 + x).log2() * 65536,
        "gelu": torch.nn.functional.gelu(wide) * 2**POINT,
        "sigmoid": torch.sigmoid(16 * x - 8) * 65536,
    }
    return {name: y.round().numpy().astype(np.int32) for name, y in found.items()}
