"""Rows cover exactly what was touched, in an order that streams can be cut out of."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.ops.rows import by_frame, gather_rows, pack, pack_reference, scatter_rows

activities = {
    "steps": st.integers(1, 9),
    "batch": st.integers(1, 3),
    "positions": st.sampled_from([1, 2, 5, 9]),
    "share": st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.0]),
    "seed": st.integers(0, 2**16),
}


def activity(steps, batch, positions, share, seed):
    torch.manual_seed(seed)
    return torch.rand(steps, batch, positions) < share


@given(**activities)
def test_every_touch_has_exactly_one_row(**how):
    active = activity(**how)
    rows = pack(active)
    batch = active.shape[1]
    touched = [(f // batch, f % batch, n) for f, n in zip(rows.frame, rows.position, strict=True)]
    assert len(rows) == active.sum()
    assert sorted(map(str, touched)) == sorted(str(tuple(at)) for at in active.nonzero())


@given(**activities)
def test_ranks_shrink_and_are_the_first_streams(**how):
    """Rank r is the r-th touch of the first `batch_sizes[r]` streams, in their order."""
    active = activity(**how)
    rows = pack(active)
    steps, batch, positions = active.shape
    assert sum(rows.batch_sizes) == len(rows)
    assert rows.batch_sizes == sorted(rows.batch_sizes, reverse=True)
    assert (
        len(rows.sorted_indices)
        == (rows.batch_sizes[0] if rows.batch_sizes else 0)
        == active.any(0).sum()
    )
    times = [active.reshape(steps, -1)[:, s].nonzero()[:, 0].tolist() for s in rows.sorted_indices]
    start = 0
    for rank, size in enumerate(rows.batch_sizes):
        frame, position = rows.frame[start : start + size], rows.position[start : start + size]
        assert torch.equal(frame % batch * positions + position, rows.sorted_indices[:size])
        assert (frame // batch).tolist() == [when[rank] for when in times[:size]]
        start += size


@given(**activities, old=st.booleans())
def test_gaps_and_ages_equal_a_count_by_hand(old, **how):
    active = activity(**how)
    steps, batch, positions = active.shape
    age = torch.randint(1, 50, (batch, positions)) if old else None
    rows = pack(active, age)
    left = torch.ones(batch, positions, dtype=torch.long) if age is None else age.clone()
    gaps = {}
    for t in range(steps):
        for b in range(batch):
            for n in range(positions):
                if active[t, b, n]:
                    gaps[t * batch + b, n] = left[b, n].item()
                    left[b, n] = 0
                left[b, n] += 1
    keys = zip(rows.frame.tolist(), rows.position.tolist(), strict=True)
    assert dict(zip(keys, rows.elapsed.tolist(), strict=True)) == gaps
    assert torch.equal(rows.since_event, left)


@given(**activities)
def test_the_kernel_lays_rows_out_as_the_definition_does(**how):
    active = activity(**how)
    age = torch.randint(1, 50, active.shape[1:])
    found, expected = pack(active, age), pack_reference(active, age)
    assert (found.shape, found.batch_sizes) == (expected.shape, expected.batch_sizes)
    names = ("frame", "position", "elapsed", "sorted_indices", "since_event", "order", "starts")
    for name in names:
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    frames, home = found.filled
    own_frames, own_home = found.frame.unique(return_inverse=True)
    assert torch.equal(frames, own_frames)
    assert torch.equal(home, own_home)


@given(**activities)
def test_the_order_is_that_of_frames_and_positions(**how):
    rows = pack(activity(**how))
    place = rows.frame * rows.shape[2] + rows.position
    assert torch.equal(rows.order, place.argsort())


@given(cut=st.integers(1, 8), **activities)
def test_age_carries_gaps_across_a_cut(cut, **how):
    active = activity(**how | {"steps": 9})
    batch = active.shape[1]
    whole = pack(active)
    first = pack(active[:cut])
    second = pack(active[cut:], first.since_event)
    frames = torch.cat([first.frame, second.frame + cut * batch])
    gaps = torch.cat([first.elapsed, second.elapsed])
    positions = torch.cat([first.position, second.position])
    parts = sorted(zip(frames.tolist(), positions.tolist(), gaps.tolist(), strict=True))
    expected = zip(
        whole.frame.tolist(), whole.position.tolist(), whole.elapsed.tolist(), strict=True
    )
    assert parts == sorted(expected)
    assert torch.equal(second.since_event, whole.since_event)


def test_silence_has_no_rows():
    rows = pack(torch.zeros(3, 2, 5, dtype=torch.bool))
    assert (len(rows), rows.batch_sizes, len(rows.sorted_indices)) == (0, [], 0)
    assert (rows.since_event == 4).all()
    slots = by_frame(rows)
    assert (slots.size, slots.buckets, len(slots.slots)) == (0, [], 0)


@given(**activities)
def test_rows_of_a_frame_stand_together_each_in_a_slot_of_its_own(**how):
    rows = pack(activity(**how))
    slots = by_frame(rows)
    assert len(set(slots.slots.tolist())) == len(rows)
    group, start = torch.full((slots.size,), -1), 0
    for frames, tokens in slots.buckets:
        assert tokens & (tokens - 1) == 0  # a power of two
        for _ in range(frames):
            group[start : start + tokens] = start
            start += tokens
    assert start == slots.size < 2 * len(rows) + 1
    homes = group[slots.slots]
    pairs = set(zip(rows.frame.tolist(), homes.tolist(), strict=True))
    assert len(pairs) == len(rows.frame.unique()) == len(homes.unique())


def test_place_and_take_are_inverse():
    source, slots = torch.randn(6, 3), torch.tensor([4, 0, 8, 7, 1, 2])
    placed = scatter_rows(source, slots, 9)
    assert torch.equal(gather_rows(placed, slots), source)
    rest = torch.ones(9, dtype=torch.bool)
    rest[slots] = False
    assert not placed[rest].any()
    assert scatter_rows(source[:0], slots[:0], 2).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 2, 1)], ids=str)
def test_gradients_of_place_and_take_are_exact(shape):
    slots = torch.tensor([4, 0, 8, 7, 1, 2])
    rows = torch.randn(shape, dtype=torch.double, requires_grad=True)
    source = torch.randn(9, *shape[1:], dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows: scatter_rows(rows, slots, 9), rows)
    assert torch.autograd.gradcheck(lambda source: gather_rows(source, slots), source)
