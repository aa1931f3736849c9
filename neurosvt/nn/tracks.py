"""Where something is and where it goes: what the tokens' events and spikes vote for.

Axes: T time steps, B batch, R rows, F frames with at least one row, D width, J tracks.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.memory import MemoryStep
from neurosvt.nn.norm import FixedScale, ScaleNorm, to_grid
from neurosvt.nn.reads import in_time
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import Rows
from neurosvt.ops.tracks import THRESHOLDS, UNIT_STEPS, fitted_tracks
from neurosvt.sides import Sides

FORGETS = (0.3, 0.02)
"""Shares of their votes that tracks forget at a write at the start, log-spaced: windows of three
frames to fifty."""
RIDGES = (1.5, 0.3)
"""Steps whose square is added to the tracks' spreads at the start, log-spaced: where the ages of
votes spread that far, half of their velocity is believed. Long windows need less."""
LEAST_RIDGE = 1e-4
"""Units of time squared, so that no velocity is without bounds."""
LEAST_BITS = 16
"""Of a track's numbers: a velocity in fewer runs many pixels off within a second, and all tracks
together take a hundred bytes."""


class Tracks(nn.Module):
    """Lines through the centre of those events whose tokens vote for them.

    Every token has a say of 0 to 1 for each track, by its spikes: a clipped ramp. The events of its
    patch count by that say, each at its own pixel, moved by what the token's channels have learnt
    to stand for. Their centre is a frame's vote, and their number its weight.

    Args:
        grid, width: of the tokens.
        tracks: that there are.
    """

    centre: Tensor
    sides: Tensor

    def __init__(self, grid: Sides, width: int, tracks: int):
        super().__init__()
        self.tracks = tracks
        self.vote = nn.Parameter(torch.zeros(width, tracks))
        self.bias = nn.Parameter(torch.full((tracks,), 0.5))
        self.offset = nn.Parameter(torch.zeros(width, 2 * tracks))
        most, least = (math.log10(share) for share in FORGETS)
        shares = torch.logspace(most, least, tracks)
        self.forget_odds = nn.Parameter(shares.logit())
        first, last = (2 * math.log(steps / UNIT_STEPS) for steps in RIDGES)
        self.log_ridge = nn.Parameter(torch.linspace(first, last, tracks))
        self.norm: nn.Module = ScaleNorm(tracks)
        x, y = (torch.arange(side) + 0.5 - side / 2 for side in grid)
        self.register_buffer("centre", torch.cartesian_prod(y, x).flip(-1), persistent=False)
        self.register_buffer("sides", torch.tensor(grid, dtype=torch.float32), persistent=False)

    def forward(
        self,
        spikes: Float[Tensor, "R D"],
        rows: Rows,
        opened: Float[Tensor, "T B J"],
        emptied: Float[Tensor, "T B J"],
        start: Float[Tensor, "B J 8"],
        step: MemoryStep,
        backend: str,
    ) -> Float[Tensor, "T B J 8"]:
        """All tracks after every step, as `ops.tracks.fitted_tracks` has them."""
        place = opened.new_zeros(*opened.shape, 2)
        weight = torch.zeros_like(opened)
        if rows.anywhere:
            voted, many = self.votes(at_least_float32(spikes), rows, step.events)
            place = in_time(voted.flatten(1), rows).unflatten(-1, (-1, 2))
            weight = in_time(many, rows)
        noise = step.noise_like(start.new_empty(*opened.shape, len(THRESHOLDS)))
        if noise is not None:
            noise = noise * noise.new_tensor(THRESHOLDS)
        return fitted_tracks(
            place, weight, opened, emptied, start, self.forget(step), self.ridge(),
            step.rate / UNIT_STEPS, noise, backend, max(step.take_bits(), LEAST_BITS),
        )  # fmt: skip

    def forget(self, step: MemoryStep) -> Float[Tensor, " J"]:
        """Share of its votes that each track forgets at a write, in a step of this length."""
        return step.forgotten(self.forget_odds)

    def ridge(self) -> Float[Tensor, " J"]:
        """What is added to each track's spread, units of time squared."""
        return at_least_float32(self.log_ridge).exp() + LEAST_RIDGE

    def votes(
        self, spikes: Float[Tensor, "R D"], rows: Rows, events: Float[Tensor, "R 3"] | None
    ) -> tuple[Float[Tensor, "F J 2"], Float[Tensor, "F J"]]:
        """What each frame votes for, in sensor sides from the middle, and with what weight."""
        if events is None:
            raise ValueError(
                "tracks follow events: the memory was not told any (MemoryStep.events)"
            )
        say = ramp(spikes @ self.vote + self.bias)
        count, along = events[:, :1], events[:, None, 1:]
        moved = (spikes @ self.offset).unflatten(-1, (-1, 2)) + self.centre[rows.position][:, None]
        # In double precision sums of events by says and offsets on the grid are exact.
        many = (say * count).double()
        where = many[..., None] * moved + (say[..., None] * along).double()
        frames, home = rows.filled
        many = many.new_zeros(len(frames), self.tracks).index_add(0, home, many)
        where = where.new_zeros(len(frames), self.tracks, 2).index_add(0, home, where)
        place = (where / many.clamp(min=1e-9)[..., None]).to(spikes.dtype) / self.sides
        return place, self.norm(many.to(spikes.dtype))

    @torch.no_grad()
    def fold(self) -> None:
        """Put what adds up on the grid."""
        for learnt in (self.vote, self.bias, self.offset):
            learnt.copy_(to_grid(learnt))
        if isinstance(self.norm, ScaleNorm):
            self.norm = FixedScale(self.norm.scale())


def ramp(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """A sigmoid in three straight lines, exact in any order of work; it learns as the sigmoid."""
    soft = torch.sigmoid(x)
    return (0.5 + 0.25 * x).clamp(0, 1) + (soft - soft.detach())
