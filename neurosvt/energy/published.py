"""The meter of the original Neuro-SVT, from its published formula: to be shown beside ours.

Every layer's mean firing rate times the weights of one linear layer, once: not for every token, not
for every step, attention products not at all. A SOP was taken for a tenth of a multiply-add, and
the sum held against a dense transformer of the same width, over all of its tokens.

Source: `src/utils/energy_meter.py` of github.com/cronenberg64/svt, read as of commit 0936748.
"""

from collections.abc import Mapping

from torch import nn

from neurosvt.energy.operations import Operations
from neurosvt.energy.phases import PhaseCounts
from neurosvt.nn.linear import SpikeLinear

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

    Returns:
        Synaptic operations a frame.
    """
    return sum(layers[name].acs / (frames * count) for name, count in tokens.items())


def published_macs(tokens: int, width: int, depth: int) -> int:
    """Multiply-adds a frame of the dense transformer that it was compared with, MLP ratio 4."""
    projections = 4 * tokens * width**2 + 2 * tokens**2 * width
    return depth * (projections + 8 * tokens * width**2)


def published_summary(
    model: nn.Module, active: PhaseCounts, *, tokens: int, patches: int, width: int, depth: int
) -> str:
    """What the original's formula makes of counted frames, in one line.

    Args:
        model: a network of spikes; its linear layers are the formula's.
        active: what it did while there was something to see.
        tokens: of a frame, the memory's own included.
        patches: of a frame.
        width: of a token, channels.
        depth: blocks.
    """
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, SpikeLinear) and name in active.layers
    ]
    sops = published_sops(active.layers, active.frames, dict.fromkeys(linear, tokens))
    macs = published_macs(patches + 1, width, depth)
    return (
        f"active frames, by the original's formula: {sops:,.0f} SOPs (we count "
        f"{active.total.acs / active.frames:,.0f}) against {macs:,} multiply-adds, "
        f"{1 - SOP * sops / macs:.3%} saved"
    )
