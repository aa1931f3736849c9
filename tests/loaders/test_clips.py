"""Clips, and training batches of them."""

import numpy as np
import pytest
import torch

from neurosvt.datasets.clips import Clips
from neurosvt.events.augment import Augmentation
from neurosvt.loaders.clips import ClipConfig, ClipStream, augment_clips
from neurosvt.loaders.prefetch import ahead

SIDE = 32
STILL = Augmentation(turn=0.0, stretch=0.0, shear=0.0, drop=0.0)
AS_THEY_ARE = ClipConfig(mirror=False, shift=0, augmentation=STILL)


def frames_of(count, steps=3, seed=0):
    return np.random.default_rng(seed).random((count, steps, 2, SIDE, SIDE)) < 0.05


def clips_of(labels, steps=3):
    frames = frames_of(len(labels), steps)
    packed = np.packbits(frames, axis=-1).reshape(-1, 2, SIDE, SIDE // 8)
    return Clips(packed, np.arange(len(labels)) * steps, steps, np.array(labels), SIDE)


def test_unvaried_is_as_recorded():
    frames, labels = frames_of(4), np.arange(4)
    out, same = augment_clips(frames, labels, AS_THEY_ARE, {}, np.random.default_rng(0))
    np.testing.assert_array_equal(out.swapaxes(0, 1), frames)
    np.testing.assert_array_equal(same, labels)


def test_a_mirrored_hand_is_the_other_hand():
    frames, labels = frames_of(40), np.arange(40) % 3
    config = ClipConfig(shift=0, augmentation=STILL)
    out, named = augment_clips(frames, labels, config, {0: 1, 1: 0}, np.random.default_rng(0))
    turned = [bool((out[:, i] == frames[i][..., ::-1]).all()) for i in range(40)]
    kept = [bool((out[:, i] == frames[i]).all()) for i in range(40)]
    assert [not k for k in kept] == turned
    assert 8 < sum(turned) < 32
    swap = {0: 1, 1: 0, 2: 2}
    assert named.tolist() == [
        swap[label] if t else label for label, t in zip(labels.tolist(), turned, strict=True)
    ]


def test_what_is_moved_off_the_sensor_is_left_out_and_nothing_comes_in():
    frames = np.ones((20, 1, 2, SIDE, SIDE), bool)
    config = ClipConfig(mirror=False, shift=5, augmentation=STILL)
    out, _ = augment_clips(frames, np.zeros(20, int), config, {}, np.random.default_rng(0))
    for clip in out[0]:
        rows, columns = clip[0].any(1), clip[0].any(0)
        assert (clip[0] == rows[:, None] & columns[None]).all()
        assert min(rows.sum(), columns.sum()) >= SIDE - 5
        assert (np.diff(rows.astype(int)) != 0).sum() <= 1
    assert len({(int(c.sum())) for c in out[0]}) > 5


def test_a_blurred_clip_is_scattered_around_where_it_was():
    frames = np.zeros((50, 1, 2, SIDE, SIDE), bool)
    frames[..., 16, 16] = True
    config = ClipConfig(mirror=False, shift=0, augmentation=STILL, blur=4.0)
    out, _ = augment_clips(frames, np.zeros(50, int), config, {}, np.random.default_rng(0))
    rows = out.any((0, 2, 4)).nonzero()[1] - 16
    assert 1 < rows.std() < 4
    assert abs(rows.mean()) < 1


def test_varied_clips_have_no_more_events_and_all_of_their_steps():
    frames = frames_of(6)
    out, _ = augment_clips(frames, np.zeros(6, int), ClipConfig(), {}, np.random.default_rng(1))
    assert out.shape == (3, 6, 2, SIDE, SIDE)
    assert 0.4 < out.sum() / frames.sum() <= 1
    assert out.any((2, 3, 4)).all()


def test_an_epoch_shows_all_classes_equally_often_and_no_clip_twice():
    clips = clips_of([0] * 9 + [1] * 4 + [2] * 5)
    stream = ClipStream(clips, AS_THEY_ARE, 3, 8, seed=0)
    epoch = [stream[i] for i in range(4)]
    assert np.bincount(torch.cat([b.label for b in epoch])).tolist() == [4, 4, 4]
    shown = [f.numpy().tobytes() for b in epoch for f in b.frames.swapaxes(0, 1)]
    assert len(set(shown)) == 12
    later = torch.cat([stream[i].label for i in range(4, 8)])
    assert not torch.equal(later, torch.cat([b.label for b in epoch]))


def test_a_batch_depends_on_its_number_alone():
    stream = ClipStream(clips_of([0, 1] * 6), ClipConfig(), 4, 6, seed=3)
    later = list(ahead(stream, 4, workers=1))
    assert len(later) == 2
    for mine, theirs in zip(later, (stream[4], stream[5]), strict=True):
        assert torch.equal(mine.frames, theirs.frames)
        assert torch.equal(mine.label, theirs.label)
    other = ClipStream(clips_of([0, 1] * 6), ClipConfig(), 4, 6, seed=4)
    assert not torch.equal(other[4].frames, stream[4].frames)
    with pytest.raises(IndexError, match="batch 6 of 6"):
        stream[6]


def test_more_clips_than_there_are_make_a_batch_of_all():
    assert ClipStream(clips_of([0, 1, 1]), AS_THEY_ARE, 16, 2, 0)[1].frames.shape[1] == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 0}, "frames must be at least 1, got 0"),
        ({"shift": 128}, r"shift must lie in \[0, 128\)"),
        ({"shift": -1}, r"shift must lie in \[0, 128\)"),
        ({"shift": 8, "side": 8}, r"shift must lie in \[0, 8\)"),
        ({"side": 48}, "side must divide the camera's 128, got 48"),
        ({"side": 0}, "side must divide the camera's 128, got 0"),
        ({"blur": -1.0}, "blur must not be below 0"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ClipConfig(**settings)


def test_a_stream_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no clips to draw from"):
        ClipStream(clips_of([]), AS_THEY_ARE, 4, 2, 0)
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        ClipStream(clips_of([0, 1]), AS_THEY_ARE, 0, 2, 0)
