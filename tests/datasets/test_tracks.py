import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.tracks import load_tracks, track
from neurosvt.events.augment import Augmentation
from neurosvt.events.recording import Recording, pack_events
from neurosvt.scenes.occluded_tracks import (
    SHUTTER_CLOSING,
    SHUTTER_OPENING,
    make_scenes_tracks,
    track_scene_frames,
)
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import RECOVERY

SILENT = SceneConfig(size=32, noise_hz=0.0)


def swinging(seconds=2.0, size=32, hz=0.5, rate=4000, seed=0):
    """A dot that swings from side to side, and the times and positions of its events."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, seconds * 1e6, int(rate * seconds))).astype(np.int64)
    x = size / 2 + 8 * np.sin(2 * np.pi * hz * t * 1e-6) + rng.normal(0, 1, len(t))
    y = size / 2 + rng.normal(0, 1, len(t))
    events = pack_events(t, x.astype(int), y.astype(int), rng.integers(0, 2, len(t)))
    return Recording(events, size, size, name="dot")


@pytest.fixture
def recorded():
    return [track(swinging(seed=0), 0, 10_000), track(swinging(3.0, seed=1), 1, 10_000)]


def test_a_track_knows_its_position_at_every_frame():
    found = track(swinging(), 0, 10_000)
    ends = 0.01 * np.arange(1, len(found.frames) + 1)
    true = 0.5 + 0.25 * np.sin(2 * np.pi * 0.5 * ends)
    assert np.abs(found.position[:, 0] - true).max() < 0.03
    assert np.abs(found.position[:, 1] - 0.5).max() < 0.03
    assert found.frames.shape[1:] == (2, 32, 32)


def test_between_times_with_events_it_moves_evenly():
    whole = swinging()
    t = whole.events["t"]
    gap = whole.events[(t < 500_000) | (t > 700_000)]
    found = track(Recording(gap, 32, 32), 0, 10_000).position[:, 0]
    steps = np.diff(found[55:65])
    assert np.abs(steps - steps.mean()).max() < 1e-6


def test_a_recording_of_next_to_nothing_is_named():
    events = swinging().events[:5]
    with pytest.raises(UserError, match="dot: never 10 events within 50 ms"):
        track(Recording(events, 32, 32, name="dot"), 0, 10_000)


def made(tracks, seed=0, batch=6, **change):
    options = {"seen": 12, "hidden": 20, "after": SHUTTER_OPENING + RECOVERY, "config": SILENT}
    return make_scenes_tracks(tracks, seed, batch, **options | change)


def test_the_same_arguments_give_the_same_bytes(recorded):
    one, two, other = made(recorded), made(recorded), made(recorded, seed=1)
    assert np.array_equal(one.frames, two.frames)
    assert not np.array_equal(one.frames, other.frames)


def test_phases_begin_and_end_where_they_should(recorded):
    scenes = made(recorded)
    (o,) = scenes.occlusions
    assert len(scenes.frames) == track_scene_frames(12, 20, SHUTTER_OPENING + RECOVERY)
    assert (o.seen == 11).all()
    assert (o.first, o.last) == (12 + SHUTTER_CLOSING, 12 + SHUTTER_CLOSING + 19)
    assert (o.recovered == len(scenes.frames) - 1).all()
    assert np.array_equal(np.flatnonzero(scenes.hidden.all(1)), np.arange(o.first, o.last + 1))


def test_the_recording_is_untouched_while_seen_and_gone_while_hidden(recorded):
    starts = [(0, 30), (1, 100)]
    scenes = made(recorded, batch=2, starts=starts)
    for row, (index, first) in enumerate(starts):
        uncut = recorded[index]
        assert np.array_equal(scenes.frames[:12, row], uncut.frames[first : first + 12])
        assert np.array_equal(
            scenes.position[:, row], uncut.position[first : first + len(scenes.frames)]
        )
        assert (scenes.label[:, row] == uncut.label).all()
    assert not scenes.frames[scenes.hidden].any()
    assert scenes.frames[12 : 12 + SHUTTER_CLOSING].sum((0, 2, 3, 4)).min() > 500  # the edge shows
    assert not recorded[0].frames[30:60][:, :, 0, :].any()  # the recordings are as before


def test_the_edge_is_of_one_polarity_as_it_comes_and_of_the_other_as_it_goes():
    """No events but the shutter's: the object stands where nothing happens."""
    still = track(swinging(), 0, 10_000)
    empty = type(still)(np.zeros_like(still.frames), still.position, 0, "still")
    scenes = made([empty], batch=16)
    (o,) = scenes.occlusions
    comes = scenes.frames[12 : o.first].sum((0, 3, 4))
    goes = scenes.frames[o.last + 1 :].sum((0, 3, 4))
    assert ((comes == 0).sum(1) == 1).all()
    assert np.array_equal(comes == 0, goes[:, ::-1] == 0)
    share = comes.sum(1) / 32**2
    assert (abs(share - 0.9) < 0.06).all()


def test_augmented_stretches_keep_their_position(recorded):
    scenes = made(recorded, batch=40, augmentation=Augmentation(), moves=0.125)
    for row in range(40):
        _, _, y, x = np.nonzero(scenes.frames[4:10, row])
        centre = (np.array([x.mean(), y.mean()]) + 0.5) / 32
        assert np.linalg.norm(centre - scenes.position[7, row]) < 0.08


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": 0}, "must be at least 1"),
        ({"hidden": 4000}, "longer than any recording"),
        ({"starts": [(0, 190)] * 6}, "dot: no .* frames from frame 190"),
    ],
    ids=str,
)
def test_what_cannot_be_cut_is_named(recorded, change, message):
    with pytest.raises(UserError, match=message):
        made(recorded, **change)


@pytest.mark.parametrize("dataset", ["dvs128_objects", "pendulum"])
def test_real_splits_share_no_frame(dataset, data_root):
    parts = [
        load_tracks(dataset, s, 64, 10_000, data_root) for s in ("train", "validation", "test")
    ]
    assert all(len(t.frames) > 100 for part in parts for t in part)
    shown = [f.tobytes() for part in parts for t in part for f in t.frames[::7] if f.sum() > 20]
    assert len(shown) == len(set(shown))
    if dataset == "pendulum":
        (test,) = parts[-1]
        assert np.ptp(test.position[:, 0]) > 0.5
