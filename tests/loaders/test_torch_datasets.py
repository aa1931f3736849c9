"""Data sets for loops of one's own, through PyTorch's loader."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from neurosvt.config import UserError
from neurosvt.datasets import cifar10, nmnist
from neurosvt.datasets.dvs128_gesture import load_gestures, prepare_gestures
from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures
from neurosvt.events.frames import by_time, make_frames
from neurosvt.events.recording import Recording, pack_events
from neurosvt.formats import write_events
from neurosvt.loaders import torch_datasets
from neurosvt.loaders.images import CIFAR10_MEAN
from neurosvt.loaders.torch_datasets import (
    CIFAR10,
    NMNIST,
    DVS128Gesture,
    EventFolder,
    sixteen_frames,
)
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of data sets: gestures in four frames, and digits."""
    root = tmp_path_factory.mktemp("data")
    write_synthetic_gestures(root / "raw", people=8)
    prepare_gestures(root / "raw", root / "DVS128Gesture_Processed", frames=4)
    (root / "nmnist_small").mkdir()
    rng = np.random.default_rng(0)
    np.savez(
        root / nmnist.NMNIST_FILES["test"],
        x=rng.integers(0, 34, 200).astype(np.uint8),
        y=rng.integers(0, 34, 200).astype(np.uint8),
        p=rng.integers(0, 2, 200).astype(np.uint8),
        t=np.sort(rng.integers(0, 300_000, (10, 20))).astype(np.uint32).reshape(-1),
        offsets=np.arange(11) * 20,
        labels=np.arange(10),
        ids=np.arange(10),
    )
    return root


@pytest.mark.parametrize("in_memory", [True, False])
def test_gestures_come_in_batches_that_a_model_takes(root, in_memory):
    data = DVS128Gesture("test", 4, root, in_memory=in_memory)
    assert len(data) == 44
    frames, label = next(iter(DataLoader(data, batch_size=3, num_workers=1)))
    clips = load_gestures("test", 4, root)
    np.testing.assert_array_equal(frames.numpy(), clips.frames(np.arange(3)))
    assert label.tolist() == clips.labels[:3].tolist()
    model = NeuroSVT(
        NeuroSVTConfig(image_size=128, patch_size=64, kernel_size=64, width=8, heads=2, depth=1)
    )
    belief, _ = model(frames.transpose(0, 1))
    assert belief.class_logits.shape == (4, 3, 8)


def test_digits_come_as_frames_of_one_length(root):
    data = NMNIST("test", 20_000, root)
    shapes = {tuple(frames.shape) for frames, _ in data}
    assert shapes == {(17, 2, 34, 34)}
    assert [label for _, label in data] == list(range(10))
    recording = nmnist.load_nmnist("test", root)[3]
    cut = by_time(recording.events, 20_000, start_us=0)
    np.testing.assert_array_equal(data[3][0][: cut.frames], make_frames(recording, cut))


def test_images_come_normalised(monkeypatch):
    pixels = np.full((4, 3, 32, 32), 255, np.uint8)
    images = cifar10.Images(pixels, np.arange(4))
    monkeypatch.setattr(torch_datasets, "load_cifar10", lambda split, root: images)
    image, label = CIFAR10("test")[2]
    assert image.shape == (3, 32, 32)
    assert (label, image.dtype) == (2, torch.float32)
    assert image[0, 0, 0] == pytest.approx((1 - CIFAR10_MEAN[0]) / 0.2023)


def test_files_of_any_format_in_folders(tmp_path):
    rng = np.random.default_rng(0)
    for number, (name, ending) in enumerate([("cat", "npz"), ("ant", "dat"), ("cat", "raw")]):
        t = np.sort(rng.integers(0, 1000, 64))
        x, y = rng.integers(0, 20, (2, 64))
        recording = Recording(pack_events(t, x, y, rng.integers(0, 2, 64)), 20, 20)
        (tmp_path / name).mkdir(exist_ok=True)
        path = tmp_path / name / f"{number}.{ending}"
        write_events(path, recording, {"raw": "evt3"}.get(ending))
        last = recording
    (tmp_path / "cat" / ".hidden").write_text("")
    data = EventFolder(tmp_path)
    assert data.classes == ("ant", "cat")
    assert [label for _, label in data.files] == [0, 1, 1]
    frames, label = data[2]
    np.testing.assert_array_equal(frames, sixteen_frames(last))
    assert (label, tuple(frames.shape)) == (1, (16, 2, 20, 20))


def test_what_is_no_folder_of_files_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        EventFolder("nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no folders of event files"):
        EventFolder(tmp_path)
