"""NeuroSVT run by its subgraphs: the host's side, step by step, in plain PyTorch.

Who runs the subgraphs is passed in: PyTorch (`PlainRuntime`), a foreign simulator, or a chip.

Axes: T time steps, B batch, Y X pixels, N tokens (one a patch), D width, E channels read,
M memory channels, J tracks.
"""

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from neurosvt.export.neurosvt_split import asked_layers
from neurosvt.models.memory_dense import own_events
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_dense import NeuroSVTDense
from neurosvt.nn.heads import Belief, Heads
from neurosvt.nn.leaky_memory import BEGINS_AT, LeakyMemory
from neurosvt.nn.memory import MemoryStep
from neurosvt.nn.tracks import Tracks, ramp
from neurosvt.ops.attention import spike_attention
from neurosvt.ops.neighbours import with_neighbours_reference
from neurosvt.ops.tracks import TRACK_NUMBERS, UNIT_STEPS, tracks_reference

Runtime: TypeAlias = Callable[[str, Tensor], Tensor]
"""One step of a subgraph: its name and what enters, (B, ...) or (B, N, ...); keeps membranes."""


class NeuroSVTHost:
    """Beliefs from event frames, by whoever runs the subgraphs.

    One host is for one sequence: it keeps charge and tracks, as the runtime keeps membranes.

    Args:
        model: on the grid, as `split_neurosvt` takes it.
        runtime: runs a step of a subgraph of that split.
    """

    def __init__(self, model: NeuroSVT, runtime: Runtime):
        self.config, self.runtime = model.config, runtime
        self.dense = NeuroSVTDense(model)
        self.memory: Any = model.memory
        self.heads = _asking(model.heads, runtime)
        self.charge: Tensor | None = None
        self.tracks: Tensor | None = None

    @torch.no_grad()
    def __call__(self, frames: Shaped[Tensor, "T B 2 Y X"]) -> Belief:
        """Beliefs after every step."""
        charges = torch.stack([self._step(frame[None]) for frame in frames])
        said: Belief = self.heads(charges)
        return said

    def _step(self, frame: Shaped[Tensor, "1 B 2 Y X"]) -> Float[Tensor, "B M"]:
        """What the heads read after a step."""
        pixels, seen = (part[0] for part in self.dense.patches(frame))
        spikes = self._embedded(frame, seen)
        fired = (spikes != 0).any(-1, keepdim=True)
        x = (spikes + self.dense.positions.table) * fired
        for i in range(self.config.depth):
            qkv = self.runtime(f"blocks.{i}.attend", x)
            x = x + self.runtime(f"blocks.{i}.mix", mixed(qkv, self.config.heads))
            x = x + self.runtime(f"blocks.{i}.mlp", x)
        spikes = self.runtime("read", x)
        said = fired.any(1)
        charge, opened, begun = self._remembered(
            self.runtime("memory.read", spikes.flatten(1)), said
        )
        if not self.memory.tracks:
            return charge
        events = own_events(pixels[None], self.config)[0]
        return torch.cat([charge, self._followed(spikes, fired, events, opened, begun)], -1)

    def _embedded(
        self, frame: Shaped[Tensor, "1 B 2 Y X"], seen: Bool[Tensor, "B N 1"]
    ) -> Float[Tensor, "B N D"]:
        """Spikes of the patches."""
        kept = with_neighbours_reference(frame.bool(), self.config.least_neighbours)[0].float()
        if self.config.least_events == 1:
            spikes = self.runtime("embed", kept)
        else:
            current = self.runtime("embed.project", kept)
            enough = seen.mT.unflatten(-1, current.shape[-2:])
            spikes = self.runtime("embed.fire", current * enough)
        return rearrange(spikes, "B D Y X -> B (Y X) D")

    def _remembered(
        self, said: Float[Tensor, "B E"], filled: Bool[Tensor, "B 1"]
    ) -> tuple[Float[Tensor, "B M"], Float[Tensor, "B J"], Float[Tensor, "B J"]]:
        """Charge after a step, and which tracks it writes to and begins anew."""
        memory: LeakyMemory = self.memory
        cfg = memory.config
        drive, emptied, write, anew = said.split(memory.sizes, -1)
        v = torch.zeros_like(drive) if self.charge is None else self.charge
        freed = (emptied >= 1).float()
        forget = memory.forget(MemoryStep())
        freed = freed if forget is None else forget + (1 - forget) * freed
        opened = filled.float()
        if cfg.write_gates:
            wants = write + 1
            if memory.looks is not None:
                wants = (
                    wants + v * v.square().mean(-1, keepdim=True).add(1e-6).rsqrt() @ memory.look
                )
            opened = (wants >= 0).float() * filled
        each = opened.repeat_interleave(drive.shape[-1] // opened.shape[-1], -1)
        current = each * drive - (1 - 1 / memory.tau()) * each * freed * v
        self.charge = charge = self.runtime("memory.leak", current)
        return charge, opened[:, : cfg.tracks], (anew >= BEGINS_AT).float()

    def _followed(
        self,
        spikes: Float[Tensor, "B N D"],
        fired: Bool[Tensor, "B N 1"],
        events: Float[Tensor, "B N 3"],
        opened: Float[Tensor, "B J"],
        begun: Float[Tensor, "B J"],
    ) -> Float[Tensor, "B O"]:
        """The numbers of all tracks after a step, in a row."""
        lines: Tracks = self.memory.lines
        voted = self.runtime("tracks.vote", spikes)
        say = (ramp(voted[..., : lines.tracks]) * fired).double()
        moved = voted[..., lines.tracks :].unflatten(-1, (-1, 2)) + lines.centre[:, None]
        count, along = events[..., :1], events[..., None, 1:]
        many = (say * count).sum(1)
        where = (say[..., None] * (count[..., None] * moved + along)).sum(1)
        place = (where / many.clamp(min=1e-9)[..., None]).float() / lines.sides
        weight = lines.norm(many.float())
        start = opened.new_zeros(*opened.shape, TRACK_NUMBERS)
        self.tracks = tracks = tracks_reference(
            place[None], weight[None], opened[None], begun[None],
            start if self.tracks is None else self.tracks,
            lines.forget(MemoryStep()), lines.ridge(), 1 / UNIT_STEPS,
        )[0]  # fmt: skip
        return tracks.flatten(-2)


def mixed(qkv: Float[Tensor, "B N E"], heads: int) -> Float[Tensor, "B N D"]:
    """Attention between the spikes of a frame's tokens: whole numbers."""
    q, k, v = rearrange(qkv, "B N (three H K) -> three B H N K", three=3, H=heads)
    return rearrange(spike_attention(q, k, v), "B H N K -> B N (H K)")


class _Asked(nn.Linear):
    """An affine map that somebody else computes."""

    name: str
    runtime: Runtime

    def forward(self, x: Tensor) -> Tensor:
        return self.runtime(self.name, x)


def _asking(heads: nn.Module, runtime: Runtime) -> nn.Module:
    """Heads whose affine maps are asked of the runtime."""
    twin = copy.deepcopy(heads).eval()
    assert isinstance(twin, Heads)
    for name, layer in asked_layers(twin).items():
        layer.__class__ = _Asked
        vars(layer).update(name=f"heads.{name}", runtime=runtime)
    return twin
