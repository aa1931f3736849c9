"""The hand-held objects: on made-up recordings, and on the real ones where they are at hand."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.handheld_objects import HANDHELD_CLASSES, SESSIONS, load_handheld_objects
from neurosvt.events.recording import Recording, pack_events
from neurosvt.formats import read_events, write_events


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Recordings of 40 frames in which frame t of recording n holds n + 1 events at x = t."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "dvs128_objects" / "aedat"
    folder.mkdir(parents=True)
    for number, name in enumerate([*SESSIONS["train"], *SESSIONS["test"]]):
        frame = np.repeat(np.arange(40), number + 1)
        y = np.tile(np.arange(number + 1), 40)
        events = pack_events(frame * 10_000, frame, y, np.ones_like(frame))
        write_events(folder / f"{name}.aedat", Recording(events, 128, 128), "aedat2")
    return root


def test_training_windows_begin_at_every_frame_and_the_others_follow_one_another(root):
    train, held, test = (
        load_handheld_objects(s, 5, 10_000, root) for s in ("train", "validation", "test")
    )
    assert np.bincount(train.labels).tolist() == [28, 56, 28]  # of 32 frames
    assert np.bincount(held.labels).tolist() == [1, 2, 1]  # of the 8 others
    assert np.bincount(test.labels).tolist() == [8, 8, 8]
    for index in (0, 27, 28, 111):
        frames = train.frames(index)
        recording, start = divmod(index, 28)
        assert frames.sum((1, 2, 3)).tolist() == [recording + 1] * 5
        assert frames.any((1, 2)).argmax(-1).tolist() == list(range(start, start + 5))
    assert held.frames(0).any((1, 2)).argmax(-1).tolist() == [32, 33, 34, 35, 36]


def test_no_frame_of_validation_or_test_is_trained_on(root):
    train, held = (
        load_handheld_objects("train", 5, 10_000, root),
        load_handheld_objects("validation", 5, 10_000, root),
    )
    assert train.frames(np.arange(len(train))).any((0, 1, 2, 3)).nonzero()[0].max() == 31
    assert held.frames(np.arange(len(held))).any((0, 1, 2, 3)).nonzero()[0].min() == 32
    assert not set(SESSIONS["train"]) & set(SESSIONS["test"])


def test_what_cannot_be_loaded_is_named(root, tmp_path):
    with pytest.raises(UserError, match="split 'half' is unknown"):
        load_handheld_objects("half", 5, 10_000, root)
    with pytest.raises(UserError, match="no window of 9 frames fits into its 8"):
        load_handheld_objects("validation", 9, 10_000, root)
    with pytest.raises(FileNotFoundError, match=r"box_rec1\.aedat is missing"):
        load_handheld_objects("train", 5, 10_000, tmp_path)


def test_the_real_recordings_lose_no_event_by_being_cut(data_root):
    test = load_handheld_objects("test", 20, 10_000)
    assert set(test.labels.tolist()) == set(range(len(HANDHELD_CLASSES)))
    name = SESSIONS["test"][0]
    events = read_events(data_root / f"dvs128_objects/aedat/{name}.aedat").events
    since = events["t"] - events["t"][0]
    cells = np.unique(
        np.stack([since // 10_000, events["p"], events["y"], events["x"]])[:, since < 200_000],
        axis=1,
    )
    assert test.frames(0).sum() == cells.shape[1]
