"""The meter of the original Neuro-SVT, from its published formula: to be shown beside ours.

Every layer's mean firing rate times the weights of one linear layer, once: not for every token, not
for every step, attention products not at all. A SOP was taken for a tenth of a multiply-add, and
the sum held against a dense transformer of the same width, over all of its tokens.

Source: `src/utils/energy_meter.py` of github.com/cronenberg64/svt, read as of commit 0936748.
"""

from collections.abc import Mapping

from neurosvt.energy.operations import Operations

SOP = 0.1
"""Multiply-adds that a synaptic operation was taken for."""


def published_sops(
    layers: Mapping[str, Operations], frames: int, tokens: Mapping[str, int]
) -> float:
    """Sum over linear layers of firing rate x inputs x outputs.

    The rate is a mean over frames, tokens and channels, so that this is what the layer did, divided
    by the vectors that could have come in.

    Args:
        layers: what was counted.
        frames: over how many frames.
        tokens: of a frame, for each linear layer by name; others are left out, as they were.
    """
    return sum(layers[name].acs / (frames * count) for name, count in tokens.items())


def published_macs(tokens: int, width: int, depth: int) -> int:
    """Multiply-adds of the dense transformer that it was compared with, MLP ratio 4."""
    projections = 4 * tokens * width**2 + 2 * tokens**2 * width
    return depth * (projections + 8 * tokens * width**2)
