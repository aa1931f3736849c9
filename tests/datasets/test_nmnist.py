import numpy as np
import pytest

from neurosvt.datasets.folder import find
from neurosvt.datasets.nmnist import (
    NMNIST_FILES,
    NMNIST_SIDE,
    Recordings,
    load_nmnist,
    read_recordings,
    select,
)
from neurosvt.events.augment import Augmentation
from neurosvt.scenes.occluded_nmnist import TRANSITION, make_scenes_nmnist
from neurosvt.scenes.scenes import SceneConfig, split_seed

SEEN = 34
SILENT = SceneConfig(noise_hz=0.0)


def made_up(count=40, seed=0) -> dict[str, np.ndarray]:
    """The arrays of a file with as many small recordings."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(20, 60, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    total = offsets[-1]
    return {
        "x": rng.integers(0, NMNIST_SIDE, total).astype(np.uint8),
        "y": rng.integers(0, NMNIST_SIDE, total).astype(np.uint8),
        "p": rng.integers(0, 2, total).astype(np.uint8),
        "t": np.concatenate([np.sort(rng.integers(0, 336_000, n)) for n in lengths]).astype(
            np.uint32
        ),
        "offsets": offsets,
        "labels": np.arange(count) % 10,
        "ids": np.arange(count) + 1,
    }


@pytest.fixture
def recordings() -> Recordings:
    arrays = made_up()
    bounds = arrays.pop("offsets")
    return Recordings(**arrays, first=bounds[:-1], last=bounds[1:])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(recordings):
    one, two, other = (
        make_scenes_nmnist(recordings, split_seed("test", seed, 0), 4, hidden=3, after=3)
        for seed in (0, 0, 1)
    )
    for name in ("frames", "label", "position", "hidden", "occluder"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    assert not np.array_equal(one.frames, other.frames)


def test_a_scene_is_the_recording_then_a_burst_then_silence_then_its_beginning(recordings):
    scenes = make_scenes_nmnist(recordings, 1, 5, hidden=6, after=5, config=SILENT)
    frames = scenes.frames
    assert frames.shape == (SEEN + 1 + 6 + 5, 5, 2, 64, 64)
    (occlusion,) = scenes.occlusions
    assert (occlusion.first, occlusion.last) == (SEEN + TRANSITION, SEEN + TRANSITION + 5)
    burst, dark, back = frames[SEEN], frames[SEEN + 1 : SEEN + 7], frames[SEEN + 7 :]
    assert burst[:, 0].all()
    assert not burst[:, 1].any()
    assert not dark.any()
    assert back[0][:, 1].all()
    assert not back[0][:, 0].any()
    assert np.array_equal(back[1:], frames[:4])
    assert np.array_equal(scenes.hidden.any(1), scenes.hidden.all(1))
    assert scenes.hidden.all(1).nonzero()[0].tolist() == list(range(SEEN + 1, SEEN + 7))


def test_every_event_is_where_and_when_the_recording_has_it(recordings):
    indices = [3, 3, 17]
    scenes = make_scenes_nmnist(recordings, 2, 3, hidden=1, after=0, indices=indices, config=SILENT)
    for b, index in enumerate(indices):
        events = recordings[index].events
        left, top = (
            np.rint(scenes.position[0, b] * 64 - 0.5 - [np.median(events[a]) for a in ("x", "y")])
            .astype(int)
            .tolist()
        )
        assert 0 <= left <= 64 - NMNIST_SIDE
        assert 0 <= top <= 64 - NMNIST_SIDE
        told = {(int(t) // 10_000, int(p), int(y) + top, int(x) + left) for t, x, y, p in events}
        seen = {tuple(int(i) for i in hit) for hit in np.argwhere(scenes.frames[:SEEN, b])}
        assert seen == told
    assert scenes.label[0].tolist() == [3, 3, 7]
    assert not np.array_equal(scenes.position[0, 0], scenes.position[0, 1])  # two placements


def test_the_position_is_the_same_at_all_times_and_on_the_sensor(recordings):
    position = make_scenes_nmnist(recordings, 3, 8, hidden=4, after=4).position
    assert position.dtype == np.float32
    assert (position == position[:1]).all()
    assert 0 < position.min() <= position.max() < 1


def test_a_shorter_frame_makes_more_of_them(recordings):
    config = SceneConfig(frame_us=5_000, noise_hz=0.0, size=34)
    scenes = make_scenes_nmnist(recordings, 3, 2, hidden=4, after=0, config=config)
    assert scenes.frames.shape == (68 + 1 + 4, 2, 2, 34, 34)


def test_noise_falls_on_the_whole_sensor_in_the_dark(recordings):
    """Expected 4 * 4096 pixels * 1 s * 1 Hz = 16,384 events, standard deviation 128."""
    config = SceneConfig(noise_hz=1.0)
    scenes = make_scenes_nmnist(recordings, 4, 4, hidden=100, after=0, config=config)
    dark = scenes.frames[scenes.occlusions[0].first :]
    assert abs(dark.sum() - 16_384) < 5 * 128
    assert dark.any((0, 1, 2)).mean() > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": 0}, "batch and hidden must be at least 1"),
        ({"after": -1}, "after at least 0"),
        ({"config": SceneConfig(size=33)}, "size must be at least 34"),
        ({"indices": [1]}, "indices must name batch = 2 recordings, got 1"),
        ({"indices": [0, 40]}, r"indices must lie in 0..39, got 0..40"),
        ({"indices": [-1, 4]}, r"indices must lie in 0..39"),
    ],
    ids=str,
)
def test_scenes_that_cannot_be_are_refused(recordings, change, message):
    with pytest.raises(ValueError, match=message):
        make_scenes_nmnist(recordings, 0, 2, **{"hidden": 1, "after": 1} | change)


def test_a_selection_holds_the_recordings_asked_for_in_their_order(recordings):
    part = select(recordings, [7, 0, 39])
    for mine, index in enumerate([7, 0, 39]):
        assert np.array_equal(part[mine].events, recordings[index].events)
        assert part[mine].label == recordings[index].label
        assert part[mine].name == recordings[index].name


def _changed(**changes):
    return {**made_up(), **changes}


WRONG = {
    "an array missing": ({"x": np.arange(3)}, "holds no y, p, t, offsets, labels, ids"),
    "a short column": (_changed(x=made_up()["x"][:-1]), "differ in length"),
    "a label too few": (_changed(labels=np.arange(39) % 10), "do not match"),
    "fractions": (_changed(t=made_up()["t"] / 2), "t is no list of integers"),
    "offsets that end early": (
        _changed(offsets=np.arange(41)),
        "offsets do not cover the events",
    ),
    "offsets that step back": (
        _changed(offsets=np.r_[0, 50, 40, made_up()["offsets"][3:]]),
        "offsets do not rise",
    ),
    "a pixel outside": (_changed(x=made_up()["x"] + 30), r"x leaves 0..33"),
    "a time beyond": (_changed(t=made_up()["t"] + 300_000), r"t leaves 0..339999"),
    "a label beyond": (_changed(labels=np.arange(40)), r"labels leaves 0..9"),
    "nothing": (
        {k: v[:0] for k, v in made_up().items()} | {"offsets": np.zeros(1, int)},
        "holds no recordings",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_file_that_is_not_what_it_should_be_is_refused_by_name(tmp_path, arrays, message):
    path = tmp_path / "nmnist.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        read_recordings(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named_with_what_would_do(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="NEUROSVT_DATA") as caught:
        load_nmnist("test")
    assert str(tmp_path / NMNIST_FILES["test"]) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_data_folder_is_the_argument_then_the_variable_then_data(tmp_path, monkeypatch):
    for folder in ("here", "there", "data"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROSVT_DATA", "there")
    assert find("a", "here").parts == ("here", "a")
    assert find("a").parts == ("there", "a")
    monkeypatch.delenv("NEUROSVT_DATA")
    assert find("a").parts == ("data", "a")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split 'tset' is unknown; choose from"):
        load_nmnist("tset")


def test_the_splits_share_no_recording_and_lose_none(data_root):
    splits = {split: load_nmnist(split, data_root) for split in NMNIST_FILES}
    assert {split: len(part) for split, part in splits.items()} == {
        "train": 800,
        "validation": 100,
        "test": 100,
    }
    ids = np.concatenate([part.ids for part in splits.values()])
    assert len(np.unique(ids)) == 1000
    assert (np.bincount(splits["validation"].labels) == 10).all()
    events = sum((part.last - part.first).sum() for part in splits.values())
    assert events == 3_717_279 + 385_596  # as the data set's own page counts them


def test_real_digits_are_seen_around_their_position(data_root):
    test = load_nmnist("test", data_root)
    scenes = make_scenes_nmnist(
        test, 0, 100, hidden=2, after=0, indices=np.arange(100), config=SILENT
    )
    assert np.array_equal(scenes.label[-1], test.labels)
    for b in range(100):
        _, _, y, x = np.nonzero(scenes.frames[:SEEN, b, None].any(2, keepdims=True)[:, 0])
        centre = (np.array([np.median(x), np.median(y)]) + 0.5) / 64
        assert np.abs(centre - scenes.position[0, b]).max() < 3 / 64


def test_augmented_recordings_are_the_same_from_the_same_seed_and_others_from_another(recordings):
    def make(seed, augmentation):
        return make_scenes_nmnist(
            recordings, seed, 4, hidden=2, after=0, indices=range(4), augmentation=augmentation
        ).frames

    assert np.array_equal(make(5, Augmentation()), make(5, Augmentation()))
    assert not np.array_equal(make(5, Augmentation()), make(6, Augmentation()))
    assert not np.array_equal(make(5, Augmentation()), make(5, None))


def test_the_position_of_an_augmented_recording_is_the_median_of_what_is_shown(recordings):
    """Of the pixels shown, near enough: a pixel may have had several events in a frame."""
    scenes = make_scenes_nmnist(
        recordings, 4, 6, hidden=1, after=0, augmentation=Augmentation(), config=SILENT
    )
    _, b, _, y, x = scenes.frames[:SEEN].nonzero()
    for row in range(6):
        shown = np.array([np.median(x[b == row]), np.median(y[b == row])]) + 0.5
        assert scenes.position[0, row] * 64 == pytest.approx(shown, abs=2)
