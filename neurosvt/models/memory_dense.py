"""The leaky memory and its tracks at every step: the definition, in plain PyTorch.

Read `models.neurosvt_dense` first, which has the rest.

Axes: T time steps, B batch, N tokens (one a patch), P pixels of a token's window in both
polarities, D width, M memory channels, G write gates, J tracks.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.leaky_memory import BEGINS_AT
from neurosvt.nn.memory import MemoryStep
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.tracks import ramp
from neurosvt.ops.surrogate import spike
from neurosvt.ops.tracks import UNIT_STEPS, tracks_reference


def scale_channels(norm: nn.Module, x: Float[Tensor, "*n D"]) -> Float[Tensor, "*n D"]:
    """Each channel over its root mean square, times a learnt gain.

    In training the mean is over tokens that are not all zero; afterwards a running mean serves.
    """
    if not (isinstance(norm, ScaleNorm) and norm.training):
        scaled: Tensor = norm(x.flatten(0, -2)).reshape(x.shape)
        return scaled
    mean_square = x.square().flatten(0, -2).sum(0) / (x != 0).any(-1).sum().clamp(min=1)
    norm.learn(mean_square.detach())
    return x * (norm.gain * torch.rsqrt(mean_square + norm.eps))


def remember(
    memory: Any,
    spikes: Float[Tensor, "T B N D"],
    fired: Bool[Tensor, "T B N 1"],
    events: Float[Tensor, "T B N 3"],
    v: Float[Tensor, "B C"],
) -> Float[Tensor, "T B C"]:
    """Charge and tracks after every step. Tokens speak through weights of their own positions; a
    frame that a write gate keeps out neither empties its channels nor drives them, nor its track.
    """
    cfg, said = memory.config, fired.any(-2)
    read = torch.einsum("tbnd,nde->tbe", spikes, memory.read.own + memory.read.shared)
    sizes = [cfg.channels, cfg.channels, cfg.write_gates, cfg.tracks]
    drive, emptied, write, anew = scale_channels(memory.read.norm, read).split(sizes, dim=-1)
    empty = spike(emptied - 1)
    # Without write gates, one that is always open; without a look back, one at nothing.
    write = write if cfg.write_gates else torch.zeros_like(drive[..., :1])
    v, tracks = v.split([cfg.channels, v.shape[-1] - cfg.channels], -1)
    look = getattr(memory, "look", v.new_zeros(cfg.channels, write.shape[-1]))
    decay, charge, gates = 1 - 1 / memory.tau(), [], []
    step = MemoryStep()
    forget = memory.forget(step)
    freed = empty if forget is None else forget + (1 - forget) * empty
    for t in range(len(drive)):
        remembered = v * v.square().mean(-1, keepdim=True).add(1e-6).rsqrt()
        gates.append(said[t] * spike(write[t] + 1 + remembered @ look))
        opened = gates[t].repeat_interleave(cfg.channels // look.shape[-1], dim=-1)
        v = v * (decay * (1 - opened * freed[t])) + opened * drive[t]
        charge.append(v)
    if not cfg.tracks:
        return torch.stack(charge)
    place, weight = votes(memory.lines, spikes, fired, events)
    lines = tracks_reference(
        place, weight, torch.stack(gates)[..., : cfg.tracks], spike(anew - BEGINS_AT),
        tracks.unflatten(-1, (cfg.tracks, -1)), memory.lines.forget(step), memory.lines.ridge(),
        1 / UNIT_STEPS,
    )  # fmt: skip
    return torch.cat([torch.stack(charge), lines.flatten(-2)], -1)


def votes(
    lines: Any,
    spikes: Float[Tensor, "T B N D"],
    fired: Bool[Tensor, "T B N 1"],
    events: Float[Tensor, "T B N 3"],
) -> tuple[Float[Tensor, "T B J 2"], Float[Tensor, "T B J"]]:
    """The centre of the events whose tokens vote for each track, each moved by what its token's
    channels stand for, in sensor sides from the middle; and their number."""
    say = ramp(spikes @ lines.vote + lines.bias) * fired
    moved = (spikes @ lines.offset).unflatten(-1, (-1, 2)) + lines.centre[:, None]
    count, along = events[..., :1], events[..., None, 1:]
    many = (say * count).sum(2)
    where = (say[..., None] * (count[..., None] * moved + along)).sum(2)
    place = where / many.clamp(min=1e-9)[..., None] / lines.sides
    return place, scale_channels(lines.norm, many)


def own_events(
    pixels: Float[Tensor, "T B N P"], config: NeuroSVTConfig
) -> Float[Tensor, "T B N 3"]:
    """Of each token's own patch, how many events there are, and the sums of their x and of their y
    from its centre, in sides of a patch."""
    kernel, patch = config.kernel_size, config.patch_size
    border = (kernel - patch) // 2
    own = slice(border, border + patch)
    here = pixels.unflatten(-1, (2, kernel, kernel)).sum(-3)[..., own, own]
    at = (torch.arange(patch) + 0.5) / patch - 0.5
    x, y = (here.sum(-2) * at).sum(-1), (here.sum(-1) * at).sum(-1)
    return torch.stack([here.sum((-2, -1)), x, y], -1)
