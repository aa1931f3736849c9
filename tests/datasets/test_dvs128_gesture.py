"""DVS128 Gesture's layout, on a made-up data set that has it to the letter."""

import shutil
import tarfile

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.dvs128_gesture import (
    GESTURE_CLASSES,
    OTHER_SIDE,
    Download,
    load_gestures,
    prepare_gestures,
)
from neurosvt.datasets.packed_cache import load_cache
from neurosvt.datasets.synthetic_gestures import IN_MIRROR, ORDERS, write_synthetic_gestures
from neurosvt.events.frames import into_counts, make_frames
from neurosvt.events.recording import Recording
from neurosvt.formats import read_events, write_events
from neurosvt.spread import spread_over


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A folder as it is downloaded; nobody writes in it."""
    folder = tmp_path_factory.mktemp("DVS128Gesture") / "download"
    write_synthetic_gestures(folder, people=8)
    return folder


@pytest.fixture
def copied(written, tmp_path):
    return shutil.copytree(written, tmp_path / "copy")


def test_every_sitting_has_its_split_and_its_gestures(written):
    download = Download(written)
    assert [(s.name, s.split) for s in download.sittings[-4:]] == [
        ("user25_fluorescent", "test"), ("user25_natural", "test"),
        ("user29_fluorescent", "test"), ("user29_natural", "test"),
    ]  # fmt: skip
    assert {s.split for s in download.sittings if s.name.startswith("user21")} == {"validation"}
    for split, expected in {"train": 10, "validation": 2, "test": 4}.items():
        made = [t.label for s in download.sittings if s.split == split for t in s.trials]
        assert np.bincount(made).tolist() == [expected] * len(GESTURE_CLASSES)


def test_a_gesture_is_what_happened_between_its_times(written):
    sitting, gestures = next(Download(written).gestures())
    whole = read_events(written / f"{sitting.name}.aedat").events
    assert [g.label for g in gestures] == [t.label for t in sitting.trials]
    assert sum(len(g.events) for g in gestures) == len(whole)
    for gesture, trial in zip(gestures, sitting.trials, strict=True):
        t = gesture.events["t"]
        assert trial.start_us <= t.min()
        assert t.max() < trial.end_us
        assert (gesture.width, gesture.height) == (128, 128)


@pytest.mark.parametrize("form", ["the folder above", "archive", "archive in a folder's name"])
def test_folder_and_archive_hold_the_same(form, written, tmp_path):
    if form == "the folder above":
        other = written.parent
    else:
        other = tmp_path / "DvsGesture.tar.gz"
        inside = "DvsGesture" if form == "archive" else "a/b"
        with tarfile.open(other, "w:gz") as archive:
            archive.add(written, inside)
            shadow = tmp_path / "._user01_natural.aedat"
            shadow.write_bytes(b"Mac")
            archive.add(shadow, f"{inside}/{shadow.name}")
    expected = {s.name: g for s, g in Download(written).gestures()}
    found = {s.name: g for s, g in Download(other).gestures()}
    assert found.keys() == expected.keys()
    for name, gestures in found.items():
        for one, two in zip(gestures, expected[name], strict=True):
            np.testing.assert_array_equal(one.events, two.events)
            assert one.label == two.label


def test_only_what_is_wanted_is_read(written):
    found = [s.name for s, _ in Download(written).gestures(lambda s: s.split == "validation")]
    assert found == ["user21_fluorescent", "user21_natural"]


def test_mirrors_swap_sides_and_directions():
    for label, other in OTHER_SIDE.items():
        assert OTHER_SIDE[other] == label
        one, two = GESTURE_CLASSES[label], GESTURE_CLASSES[other]
        assert {one.split("_")[0], two.split("_")[0]} == {"left", "right"}
        assert ("counter" in one) == ("counter" not in two) or "wave" in one
    assert not [
        n
        for i, n in enumerate(GESTURE_CLASSES)
        if i not in OTHER_SIDE and n[:4] in ("left", "righ")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "trials_to_test.txt").unlink(), "lacks trials_to_test.txt; is it DVS128"),
        (
            lambda f: (f / "user01_natural.aedat").unlink(),
            "lacks user01_natural.aedat, which trials",
        ),
        (lambda f: (f / "user25_natural_labels.csv").unlink(), "lacks user25_natural_labels.csv"),
        (
            lambda f: (f / "user01_natural_labels.csv").write_text("class\n1,2\n"),
            "user01_natural_labels.csv begins with 'class', not with class,startTime_usec",
        ),
        (
            lambda f: (f / "user01_natural_labels.csv").write_text(
                "class,startTime_usec,endTime_usec\n1,0,5\n12,6,7\n"
            ),
            "user01_natural_labels.csv, line 3: '12,6,7' is no trial",
        ),
        (
            lambda f: (f / "user01_natural_labels.csv").write_text(
                "class,startTime_usec,endTime_usec\n1,5,5\n"
            ),
            "line 2: '1,5,5' is no trial",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(change, message, copied):
    change(copied)
    with pytest.raises(UserError, match=message) as error:
        Download(copied)
    assert str(error.value).startswith(str(copied))


def test_a_recording_of_another_camera_is_named(copied):
    path = copied / "user01_fluorescent.aedat"
    write_events(path, Recording(read_events(path).events, 240, 180), "aedat3")
    with pytest.raises(UserError, match=r"user01_fluorescent\.aedat is of a camera of 240 x 180"):
        list(Download(copied).gestures())


def test_nothing_and_a_broken_archive_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder or archive"):
        Download(tmp_path / "nowhere")
    (tmp_path / "a.tar.gz").write_bytes(b"not one")
    with pytest.raises(UserError, match=r"a\.tar\.gz is damaged, or is no archive"):
        Download(tmp_path / "a.tar.gz")


def test_made_up_gestures_differ_in_nothing_but_the_order_of_places(written):
    """Whoever adds up events over time sees the same: a linear classifier stays below one half."""
    orders = [order for some in ORDERS.values() for order in some]
    assert sorted(ORDERS) == list(range(len(GESTURE_CLASSES)))
    assert len(set(orders)) == len(orders)
    features, labels, test = [], [], []
    for sitting, gestures in Download(written).gestures():
        for gesture in gestures:
            e = gesture.events
            image = np.zeros((2, 16, 16))
            np.add.at(image, (e["p"].astype(int), e["y"] // 8, e["x"] // 8), 1)
            features.append(image.ravel())
            labels.append(gesture.label)
            test.append(sitting.split == "test")
    x, y, test = np.array(features), np.array(labels), np.array(test)
    x = (x - x[~test].mean(0)) / (x[~test].std(0) + 1e-6)
    x = np.concatenate([x, np.ones((len(x), 1))], 1)
    targets = np.eye(len(GESTURE_CLASSES))[y[~test]]
    weights = np.linalg.solve(
        x[~test].T @ x[~test] + 100 * np.eye(x.shape[1]), x[~test].T @ targets
    )
    right = ((x[test] @ weights).argmax(1) == y[test]).mean()
    assert right < 0.5
    # And in order they can be told: the positions of one gesture of each class.
    gestures = next(Download(written).gestures())[1]
    for gesture in gestures:
        e = gesture.events
        quarter = (e["t"] - e["t"].min()) // 200_000
        seen = [
            (np.median(e["x"][quarter == i]) > 64, np.median(e["y"][quarter == i]) > 64)
            for i in range(4)
        ]
        corners = [(False, False), (True, False), (True, True), (False, True)]
        assert tuple(corners.index(s) for s in seen) in ORDERS[gesture.label]


def test_a_mirror_makes_of_a_made_up_gesture_what_it_makes_of_a_real_one():
    for label, orders in ORDERS.items():
        mirrored = {tuple(IN_MIRROR[position] for position in order) for order in orders}
        assert mirrored == set(ORDERS[OTHER_SIDE.get(label, label)])


def test_preparing_can_be_stopped_anywhere_and_ends_with_the_same_bytes(written, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert prepare_gestures(written, whole, frames=4)

    def stop(done, of):
        if done in (3, 4, 9):
            stops.append(done)
            raise KeyboardInterrupt

    stops, again = [], True
    while again:
        try:
            prepare_gestures(
                written, cut, frames=4, on_sitting=stop if len(stops) < 3 else lambda d, o: None
            )
            again = False
        except KeyboardInterrupt:
            pass
    assert len(stops) == 3
    one, two = ({p.name: p.read_bytes() for p in f.iterdir()} for f in (whole, cut))
    assert one == two
    assert not prepare_gestures(written, whole, frames=4)  # a second time there is nothing to do


def test_what_is_prepared_are_the_gestures_in_frames_of_equally_many_events(written, tmp_path):
    prepare_gestures(written, tmp_path, frames=4)
    train, test = load_cache(tmp_path, "train"), load_cache(tmp_path, "test")
    assert (len(train), len(load_cache(tmp_path, "validation")), len(test)) == (110, 22, 44)
    assert np.bincount(test.labels).tolist() == [4] * len(GESTURE_CLASSES)
    first = next(g for s, g in Download(written).gestures(lambda s: s.split == "test"))[0]
    expected = make_frames(first, into_counts(first.events, 4))
    np.testing.assert_array_equal(test.frames(0), expected)
    assert test.labels[0] == first.label


def test_the_whole_of_dvs128_gesture_would_fit_in_120_megabytes(written, tmp_path):
    """1,464 samples (1,176 to train, 288 to test) of 16 frames."""
    prepare_gestures(written, tmp_path)
    cached = load_cache(tmp_path, "test")
    assert 1464 * 16 * cached.packed[0].nbytes < 120e6


def test_what_was_prepared_is_found_among_the_data_sets(written, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="neurosvt data prepare dvs128 SOURCE makes it"):
        load_gestures("train", 4)
    prepare_gestures(written, tmp_path / "DVS128Gesture_Processed", frames=4)
    assert load_gestures("test", 4).frames(0).shape == (4, 2, 128, 128)
    with pytest.raises(UserError, match="holds gestures of 4 frames, not 16"):
        load_gestures("train", 16)


def test_an_archive_is_not_read_by_workers(written, tmp_path):
    with tarfile.open(tmp_path / "download.tar.gz", "w:gz") as archive:
        archive.add(written, "DvsGesture")
    with pytest.raises(UserError, match=r"unpack .*download\.tar\.gz, and name its folder"):
        prepare_gestures(
            tmp_path / "download.tar.gz", tmp_path / "cache", spread=lambda *_: iter([])
        )


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_workers_make_the_same_bytes(written, tmp_path, two_workers):
    prepare_gestures(written, tmp_path / "here", frames=4)
    with spread_over("local") as spread:
        prepare_gestures(written, tmp_path / "workers", frames=4, spread=spread)
    names = sorted(path.name for path in (tmp_path / "here").iterdir())
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "workers" / name).read_bytes()
    assert "manifest.json" in names
