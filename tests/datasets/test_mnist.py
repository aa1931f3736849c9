import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.mnist import load_mnist


def test_splits_share_no_image(data_root):
    parts = [load_mnist(split, data_root) for split in ("train", "validation", "test")]
    assert [len(part.labels) for part in parts] == [55_000, 5_000, 10_000]
    rows = [set(map(bytes, part.images.reshape(len(part.images), -1))) for part in parts]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"train_images": np.zeros((3, 28, 28), np.uint8)},
            "holds no train_labels",
        ),
        (
            {"train_images": np.zeros((3, 27, 28), np.uint8), "train_labels": np.zeros(3, int)},
            r"train_images is uint8 \(3, 27, 28\), expected uint8 \(3, 28, 28\)",
        ),
    ],
    ids=["no labels", "shape"],
)
def test_a_file_that_holds_no_mnist_is_named(arrays, message, tmp_path):
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", **arrays)
    with pytest.raises(UserError, match=message):
        load_mnist("train", tmp_path)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mnist/mnist\.npz"):
        load_mnist("test", tmp_path)
    with pytest.raises(UserError, match="split 'tests' is unknown"):
        load_mnist("tests", tmp_path)
