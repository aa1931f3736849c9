import hashlib
import io
import os
import pickle

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets import cifar10
from neurosvt.datasets.folder import data_root

pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra data")
pa = pytest.importorskip("pyarrow")
Image = pytest.importorskip("PIL.Image", reason="needs the extra data")

REAL = data_root() / "cifar10" / "cifar10_test.parquet"


@pytest.fixture
def tiny(monkeypatch):
    """tiny[part]: pixels and labels of files of 20 images each, and their sums in place of the
    official ones."""
    rng = np.random.default_rng(0)
    made, official = {}, {}
    monkeypatch.setattr(cifar10, "PER_FILE", 20)
    monkeypatch.setattr(cifar10, "CIFAR10_VALIDATION_PER_CLASS", 3)
    for part, files in cifar10.OFFICIAL.items():
        pixels = rng.integers(0, 256, (20 * len(files), 3, 32, 32)).astype(np.uint8)
        labels = rng.permutation(np.arange(20 * len(files)) % 10)
        made[part] = pixels, labels
        official[part] = {}
        for i, name in enumerate(files):
            rows = rows_of(*made[part])[20 * i : 20 * (i + 1)]
            official[part][name] = hashlib.md5(rows.tobytes()).hexdigest()
    monkeypatch.setattr(cifar10, "OFFICIAL", official)
    return made


def rows_of(pixels, labels):
    return np.concatenate([labels[:, None].astype(np.uint8), pixels.reshape(len(pixels), -1)], 1)


def encoded(pixels, mode="RGB"):
    file = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).convert(mode).save(file, "PNG")
    return file.getvalue()


def as_parquet(folder, part, pixels, labels):
    table = {"image": [encoded(image) for image in pixels], "label": labels}
    pq.write_table(pa.table(table), folder / f"cifar10_{part}.parquet")


def as_binary(folder, part, pixels, labels):
    inside = folder / "cifar-10-batches-bin"
    inside.mkdir(exist_ok=True)
    for i, name in enumerate(cifar10.OFFICIAL[part]):
        (inside / f"{name}.bin").write_bytes(
            rows_of(pixels, labels)[20 * i : 20 * i + 20].tobytes()
        )


def as_python(folder, part, pixels, labels):
    inside = folder / "cifar-10-batches-py"
    inside.mkdir(exist_ok=True)
    for i, name in enumerate(cifar10.OFFICIAL[part]):
        some = slice(20 * i, 20 * i + 20)
        batch = {b"data": pixels[some].reshape(20, -1), b"labels": labels[some].tolist()}
        (inside / name).write_bytes(pickle.dumps(batch, protocol=2))


def as_folders(folder, part, pixels, labels):
    for i, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        inside = folder / part / cifar10.CIFAR10_CLASSES[label]
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{i:04}.png").write_bytes(encoded(image))


@pytest.mark.parametrize("write", [as_parquet, as_binary, as_python])
@pytest.mark.parametrize("inner", ["", "cifar10"])
def test_every_official_form_gives_the_same(write, inner, tiny, tmp_path):
    (tmp_path / inner).mkdir(exist_ok=True)
    for part, (pixels, labels) in tiny.items():
        write(tmp_path / inner, part, pixels, labels)
    test = cifar10.load_cifar10("test", tmp_path)
    assert np.array_equal(test.pixels, tiny["test"][0])
    assert np.array_equal(test.labels, tiny["test"][1])
    train, validation = (
        cifar10.load_cifar10("train", tmp_path),
        cifar10.load_cifar10("validation", tmp_path),
    )
    assert (len(train), len(validation)) == (70, 30)
    assert (np.bincount(validation.labels) == 3).all()
    together = np.concatenate([train.pixels, validation.pixels]).reshape(100, -1)
    assert len(np.unique(together, axis=0)) == 100  # no image in both


def test_folders_of_images_hold_them_class_by_class(tiny, tmp_path):
    pixels, labels = tiny["test"]
    as_folders(tmp_path, "test", pixels, labels)
    found, order = cifar10.load_cifar10("test", tmp_path), np.argsort(labels, kind="stable")
    assert np.array_equal(found.pixels, pixels[order])
    assert np.array_equal(found.labels, labels[order])


def test_an_image_that_differs_by_one_bit_is_noticed(tiny, tmp_path):
    pixels, labels = tiny["test"]
    pixels[7, 1, 2, 3] ^= 1
    as_parquet(tmp_path, "test", pixels, labels)
    with pytest.raises(UserError, match="differ from the official ones"):
        cifar10.load_cifar10("test", tmp_path)


def test_a_pickle_that_asks_for_more_than_arrays_runs_nothing(tiny, tmp_path):
    as_python(tmp_path, "test", *tiny["test"])

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(pickle.dumps({b"data": Evil(), b"labels": []}))
    with pytest.raises(UserError, match="test_batch is damaged or is no batch"):
        cifar10.load_cifar10("test", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_missing_class_is_named(tiny, tmp_path):
    as_folders(tmp_path, "test", *tiny["test"])
    for path in (tmp_path / "test" / "frog").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="frog holds no images"):
        cifar10.load_cifar10("test", tmp_path)


def test_a_missing_batch_is_named(tiny, tmp_path):
    as_binary(tmp_path, "train", *tiny["train"])
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3\.bin is missing"):
        cifar10.load_cifar10("train", tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        {"image": ["/etc/hostname"], "label": [0]},
        {"image": [b"x", None], "label": [0, 1]},
        {"image": [b"x"], "label": [0.5]},
        {"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())},
    ],
    ids=["a path is no image", "a gap", "half a label", "no row"],
)
def test_a_parquet_of_other_columns_is_refused_and_opens_no_other_file(table, tmp_path):
    pq.write_table(pa.table(table), tmp_path / "cifar10_test.parquet")
    with pytest.raises(UserError, match=r"cifar10_test\.parquet is damaged: each row needs"):
        cifar10.load_cifar10("test", tmp_path)


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_cut_parquet_is_named(cut, tiny, tmp_path):
    as_parquet(tmp_path, "test", *tiny["test"])
    path = tmp_path / "cifar10_test.parquet"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match=r"cifar10_test\.parquet is damaged"):
        cifar10.load_cifar10("test", tmp_path)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (encoded(np.zeros((3, 32, 32), np.uint8), "L"), "x is greyscale"),
        (encoded(np.zeros((3, 30, 32), np.uint8)), "x is 32 x 30 pixels, not 32 x 32"),
        (b"no image", "x is no image"),
        (encoded(np.zeros((3, 32, 32), np.uint8))[:60], "x is no image, or a damaged one"),
    ],
    ids=["greyscale", "size", "text", "cut"],
)
def test_an_image_that_does_not_fit_is_named(data, problem):
    with pytest.raises(UserError, match=problem) as error:
        cifar10.decoded(data, "x")
    assert "\n" not in str(error.value)


def test_nothing_there_says_what_would_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cifar10_train\.parquet, cifar-10-batches-bin"):
        cifar10.load_cifar10("train", tmp_path)
    with pytest.raises(UserError, match="choose from train, validation, test"):
        cifar10.load_cifar10("all", tmp_path)


@pytest.mark.skipif(not REAL.is_file(), reason=f"no CIFAR-10 at {REAL}")
def test_the_real_test_images_are_the_official_ones():
    test = cifar10.load_cifar10("test")
    assert (np.bincount(test.labels) == 1000).all()
    mean = test.pixels.mean((0, 2, 3)) / 255
    assert mean == pytest.approx([0.49421428, 0.48513139, 0.45040909], abs=1e-6)


@pytest.mark.parametrize("write", [as_parquet, as_python, as_binary])
def test_preparing_writes_the_official_files_once(write, tiny, tmp_path):
    (tmp_path / "from").mkdir()
    for part, held in tiny.items():
        write(tmp_path / "from", part, *held)
    assert cifar10.prepare_cifar10(tmp_path / "from", tmp_path / "to")
    assert not cifar10.prepare_cifar10(tmp_path / "from", tmp_path / "to")
    pixels, labels = tiny["test"]
    again = cifar10.load_cifar10("test", tmp_path / "to")
    assert (again.pixels == pixels).all()
    assert (again.labels == labels).all()
    cut = tmp_path / "to" / "cifar-10-batches-bin" / "data_batch_2.bin"
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-1])
    assert cifar10.prepare_cifar10(tmp_path / "from", tmp_path / "to")
    assert cut.read_bytes() == whole


def test_folders_of_images_cannot_be_checked_and_are_not_prepared(tiny, tmp_path):
    for part, held in tiny.items():
        as_folders(tmp_path, part, *held)
    with pytest.raises(UserError, match="in no known order, so nothing to check"):
        cifar10.prepare_cifar10(tmp_path, tmp_path / "to")
    assert not (tmp_path / "to").exists()
