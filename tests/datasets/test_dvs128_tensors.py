"""The published Neuro-SVT's tensor files of DVS128 Gesture."""

import numpy as np
import pytest
import torch

from neurosvt.config import UserError
from neurosvt.datasets.dvs128_gesture import GESTURE_CLASSES
from neurosvt.datasets.dvs128_tensors import CLASS_OF, prepare_tensors, read_sample
from neurosvt.datasets.packed_cache import load_cache

FRAMES = 3


def frames_of(seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(FRAMES, 2, 128, 128, generator=generator) < 0.02).float()


@pytest.fixture
def source(tmp_path):
    """Eight samples of each class to train with and two to test, class after class, as it saved
    them; labels are its own."""
    for part, each, base in (("train", 8, 0), ("test", 2, 1000)):
        folder = tmp_path / "theirs" / part
        folder.mkdir(parents=True)
        for i in range(each * len(GESTURE_CLASSES)):
            torch.save((frames_of(base + i), i // each), folder / f"sample_{i:04d}.pt")
    return tmp_path / "theirs"


def test_labels_are_those_of_the_data_set():
    """SpikingJelly's folders are "0" to "10"; sorted as text, "10" is the third."""
    assert CLASS_OF == (0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9)


def test_frames_and_labels_come_through(source, tmp_path):
    assert prepare_tensors(source, tmp_path / "ours")
    train, held, test = (load_cache(tmp_path / "ours", s) for s in ("train", "validation", "test"))
    for clips, each in ((train, 7), (held, 1), (test, 2)):
        assert np.bincount(clips.labels).tolist() == [each] * len(GESTURE_CLASSES)
        assert clips.steps == FRAMES
    np.testing.assert_array_equal(test.frames(4), frames_of(1004).numpy() > 0)
    assert test.labels[4] == GESTURE_CLASSES.index("other_gestures")
    # The last of every class is kept for validation: sample 15 is the last of the second.
    np.testing.assert_array_equal(held.frames(1), frames_of(15).numpy() > 0)


def test_stopped_anywhere_it_goes_on_and_ends_with_the_same_bytes(source, tmp_path):
    def stop(done, of):
        raise KeyboardInterrupt

    assert prepare_tensors(source, tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            prepare_tensors(source, tmp_path / "cut", stop)
    assert prepare_tensors(source, tmp_path / "cut")
    one, two = (
        {p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("whole", "cut")
    )
    assert one == two
    assert not prepare_tensors(source, tmp_path / "cut")


def test_the_frames_may_stay_in_the_same_folder(source):
    assert prepare_tensors(source, source)
    assert len(load_cache(source, "test")) == 22
    assert not prepare_tensors(source, source)


class Anything:
    """Would run when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("code from a file was run",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 cut", "is damaged, or holds more"),
        (b"", "is damaged, or holds more"),
        ((frames_of(0), Anything()), "is damaged, or holds more"),
        ((frames_of(0), np.int64(3)), "is damaged, or holds more"),
        (frames_of(0), "holds no pair of frames and label"),
        ((frames_of(0), "3"), "holds no pair of frames and label"),
        ((frames_of(0), 11), r"holds label 11, not one of 0\.\.10"),
        ((frames_of(0)[:2], 1), r"holds frames \(2, 2, 128, 128\), not \(3, 2, 128, 128\)"),
        ((frames_of(0)[..., :64], 1), r"not \(3, 2, 128, 128\)"),
        ((frames_of(0) * 2, 1), "frames of other numbers than 0 and 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_sample_is_named(content, message, tmp_path):
    path = tmp_path / "sample_0000.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(UserError, match=message) as error:
        read_sample(path, FRAMES)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_label_may_be_a_tensor(tmp_path):
    torch.save((frames_of(0), torch.tensor(2)), tmp_path / "sample_0000.pt")
    assert read_sample(tmp_path / "sample_0000.pt")[1] == 10


def test_a_part_without_files_is_named(source, tmp_path):
    for path in (source / "test").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"test holds no sample_0000\.pt"):
        prepare_tensors(source, tmp_path / "ours")
