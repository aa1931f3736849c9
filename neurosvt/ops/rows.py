"""Only the tokens that something happened to: which they are, and how to lay them out.

A spiking token that receives nothing emits nothing: it is not in its frame's attention, its
membrane decays and that is all. So a batch of event frames is carried as rows, one for each token
and time step at which the token was touched, and everything that a frame costs is a number of rows.

Axes: T time steps, B batch, N token positions; R rows; S streams, a stream being one token of one
sample over time.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from neurosvt.ops.across import anywhere
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, WrittenOut, ready


@dataclass(frozen=True)
class Rows:
    """Where every row comes from, in the order that `ops.lif.lif_rows` walks through."""

    shape: tuple[int, int, int]
    """T, B, N."""
    frame: Tensor
    """(R,) frame of each row, t * B + b."""
    position: Tensor
    """(R,) position of each row, in [0, N)."""
    elapsed: Tensor
    """(R,) steps since the same token was last touched, at least 1."""
    batch_sizes: list[int]
    """Rows per rank."""
    sorted_indices: Tensor
    """(S,) which token each stream is, b * N + n, those touched most often first."""
    since_event: Tensor
    """(B, N) steps since each token was last touched, as seen from the step after the last."""
    order: Tensor
    """(R,) rows by their frame, and by position within it."""

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def anywhere(self) -> bool:
        """Whether there is a row, in whatever process has a part of this batch: only where there is
        none may a layer be passed over (`ops.across`)."""
        return anywhere(len(self) > 0, self.frame.device)

    @cached_property
    def filled(self) -> tuple[Tensor, Tensor]:
        """(F,) frames that have rows, in their order, and (R,) which of them each row is in."""
        frames, counts = self._frames
        which = torch.arange(len(frames), device=frames.device).repeat_interleave(counts)
        home = torch.empty_like(which)
        home[self.order] = which
        return frames, home

    @cached_property
    def starts(self) -> Tensor:
        """(F + 1,) where in `order` each frame that has rows begins, and where the last ends."""
        return F.pad(self._frames[1].cumsum(0), (1, 0))

    @cached_property
    def _frames(self) -> tuple[Tensor, Tensor]:
        """Frames that have rows, and how many."""
        frames, counts = self.frame[self.order].unique_consecutive(return_counts=True)
        return frames, counts


def pack(active: Bool[Tensor, "T B N"], since_event: Int[Tensor, "B N"] | None = None) -> Rows:
    """Lay out the tokens that are `active`.

    Args:
        active: which token is touched when.
        since_event: steps since each token's last touch before the first step, 1 for the step just
            before; None for tokens that have never been touched.
    """
    if since_event is None:
        since_event = torch.ones(active.shape[1:], dtype=torch.long, device=active.device)
    if not suits(active.new_empty(0, dtype=torch.float32)):
        return pack_reference(active, since_event)
    sizes, frame, position, elapsed, streams, since, order = _pack(active, since_event)
    return Rows(
        shape=tuple(active.shape),  # type: ignore[arg-type]
        frame=frame,
        position=position,
        elapsed=elapsed,
        batch_sizes=sizes.tolist(),
        sorted_indices=streams,
        since_event=since,
        order=order,
    )


def pack_reference(active: Bool[Tensor, "T B N"], since_event: Int[Tensor, "B N"]) -> Rows:
    """The definition."""
    steps, batch, positions = active.shape
    streams, start = batch * positions, since_event.reshape(-1)
    flat = active.reshape(steps, streams)
    time = torch.arange(1, steps + 1, device=active.device)[:, None]
    # The latest touch up to and including each step, counted from 1; before the first: 1 - age.
    touched = torch.where(flat, time, (1 - start)[None]).cummax(0).values if steps else time[:0]
    last = touched[-1] if steps else 1 - start
    count = flat.sum(0)
    order = count.argsort(descending=True, stable=True)
    column = torch.empty_like(order)
    column[order] = torch.arange(streams, device=active.device)
    t, s = flat.nonzero(as_tuple=True)
    rank = (flat.cumsum(0) - 1)[t, s]
    sort = (rank * streams + column[s]).argsort()
    t, s = t[sort], s[sort]
    before = torch.where(t > 0, touched[(t - 1).clamp(min=0), s], (1 - start)[s])
    return Rows(
        shape=(steps, batch, positions),
        frame=t * batch + s // positions,
        position=s % positions,
        elapsed=t + 1 - before,
        batch_sizes=torch.bincount(rank).tolist(),
        sorted_indices=order[: int((count > 0).sum())],
        since_event=(steps + 1 - last).reshape(batch, positions),
        order=sort.argsort(),
    )


def _packed(active: Tensor, since_event: Tensor) -> tuple[Tensor, ...]:
    steps, batch, positions = active.shape
    flat = ready(active, torch.bool).reshape(steps, -1)
    count = torch.zeros(batch * positions, dtype=torch.long, device="cpu")
    call("count_touches", flat, count)
    streams = count.argsort(descending=True, stable=True)
    place = torch.empty_like(streams)
    place[streams] = torch.arange(len(streams), device="cpu")
    # A rank has the streams that are touched more often than it says.
    sizes = len(count) - torch.bincount(count).cumsum(0)[:-1]
    first = sizes.cumsum(0) - sizes
    frame, position, elapsed, order = torch.empty(
        4, int(count.sum()), dtype=torch.long, device="cpu"
    ).unbind()
    since = ready(since_event, torch.int64).flatten().clone()
    call("pack", flat, first, place, batch, since, frame, position, elapsed, order)
    touched = streams[: int((count > 0).sum())]
    return sizes, frame, position, elapsed, touched, since.reshape(batch, positions), order


def _packed_fake(active: Tensor, since_event: Tensor) -> tuple[Tensor, ...]:
    ranks, rows, streams = (torch.library.get_ctx().new_dynamic_size() for _ in range(3))
    lengths = (ranks, rows, rows, rows, streams)
    some = [active.new_empty(n, dtype=torch.long) for n in lengths]
    return *some, since_event.new_empty(since_event.shape), active.new_empty(rows, dtype=torch.long)


_pack = Operator(
    "pack_rows(Tensor active, Tensor since_event) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    _packed,
    _packed_fake,
)


def scatter_rows(rows: Tensor, slots: Tensor, size: int) -> Tensor:
    """Rows into a zeroed tensor of `size` slots, each into its own; no slot may be named twice."""
    out: Tensor = _scatter(rows, slots, size)
    return out


def gather_rows(source: Tensor, slots: Tensor) -> Tensor:
    """The inverse of `scatter_rows`. Autograd's own indexing adds into slots; ours, being distinct,
    need only be written, which is several times faster and the same in any order."""
    out: Tensor = _gather(source, slots)
    return out


def _scattered(rows: Tensor, slots: Tensor, size: int) -> Tensor:
    out = rows.new_zeros((size, *rows.shape[1:]))
    out[slots] = rows
    return out


def _gathered(source: Tensor, slots: Tensor) -> Tensor:
    return source.index_select(0, slots)  # sooner done than `source[slots]`


def _on_rows(inputs: Any, _: Any, grads: Any) -> Any:
    return _gathered(grads[0], inputs[1]), None, None


def _on_source(inputs: Any, _: Any, grads: Any) -> Any:
    source, slots = inputs
    return _scattered(grads[0], slots, len(source)), None


_scatter = WrittenOut("scatter_rows", _scattered, backward=_on_rows, definition=_scattered)
_gather = WrittenOut("gather_rows", _gathered, backward=_on_source, definition=_gathered)


@dataclass(frozen=True)
class FrameSlots:
    """Rows gathered by frame, frames of like fullness together, each padded to a power of two."""

    rows: Rows

    @property
    def slots(self) -> Tensor:
        """(R,) each row's place among `size` slots."""
        return self._laid_out[0]

    @property
    def size(self) -> int:
        """Slots that there are."""
        return self._laid_out[1]

    @property
    def buckets(self) -> list[tuple[int, int]]:
        """(frames, tokens per frame) of each bucket, one after the other."""
        return self._laid_out[2]

    @cached_property
    def _laid_out(self) -> tuple[Tensor, int, list[tuple[int, int]]]:
        rows = self.rows
        home, count = rows.filled[1], rows.starts.diff()
        place_in_frame = torch.empty_like(home)
        place_in_frame[rows.order] = torch.arange(len(rows), device=home.device)
        place_in_frame -= rows.starts[home]
        base = torch.zeros_like(count)
        buckets, size, low, tokens = [], 0, 0, 1
        while low < rows.shape[2]:
            frames = ((count > low) & (count <= tokens)).nonzero()[:, 0]
            if len(frames):
                base[frames] = size + tokens * torch.arange(len(frames), device=frames.device)
                buckets.append((len(frames), tokens))
                size += tokens * len(frames)
            low, tokens = tokens, 2 * tokens
        return base[home] + place_in_frame, size, buckets


def by_frame(rows: Rows) -> FrameSlots:
    """Lay rows out so that tokens of one frame stand beside each other, for attention.

    Empty slots hold zeros, that is silent tokens, and change nothing.
    """
    return FrameSlots(rows)
