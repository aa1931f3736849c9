import pytest
import torch

from neurosvt.ops.neighbours import with_neighbours, with_neighbours_reference

ways = pytest.mark.parametrize("way", [with_neighbours, with_neighbours_reference])


def by_hand(frames, least):
    """Event by event."""
    kept = torch.zeros_like(frames)
    height, width = frames.shape[-2:]
    for t, b, p, y, x in frames.nonzero().tolist():
        near = frames[t, b, :, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any(0)
        kept[t, b, p, y, x] = near.sum() - 1 >= least
    assert kept.shape[-2:] == (height, width)
    return kept


@ways
@pytest.mark.parametrize("least", [1, 2, 8])
@pytest.mark.parametrize("side", [(1, 1), (3, 3), (7, 5), (8, 8), (16, 33)], ids=str)
@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_an_event_stays_if_enough_pixels_around_it_fired(way, least, side, share):
    frames = torch.rand(3, 2, 2, *side) < share
    assert torch.equal(way(frames, least), by_hand(frames, least))


@ways
def test_neither_another_sample_nor_another_frame_is_a_neighbour(way):
    frames = torch.zeros(2, 2, 2, 4, 4, dtype=torch.bool)
    frames[0, 0, 0, 1, 1] = frames[0, 1, 0, 1, 2] = frames[1, 0, 0, 2, 1] = True
    assert not way(frames, 1).any()
    frames[0, 0, 1, 2, 2] = True  # of the other polarity, across a corner
    assert way(frames, 1).nonzero().tolist() == [[0, 0, 0, 1, 1], [0, 0, 1, 2, 2]]


def test_none_asked_for_keeps_everything():
    frames = torch.rand(2, 1, 2, 5, 5) < 0.1
    assert torch.equal(with_neighbours(frames, 0), frames)


def test_frames_that_are_a_view_are_read_as_they_are():
    frames = torch.rand(9, 2, 2, 8, 8) < 0.3
    assert torch.equal(with_neighbours(frames[1::2], 2), by_hand(frames[1::2], 2))
