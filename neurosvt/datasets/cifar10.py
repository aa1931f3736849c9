"""CIFAR-10: 60,000 small photographs of ten kinds of thing, from whatever form they are kept in.

The folder of data sets may hold, itself or in `cifar10/`, one of

    cifar10_train.parquet, cifar10_test.parquet    columns image (bytes of a file) and label
    cifar-10-batches-bin/                          the official binary version
    cifar-10-batches-py/                           the official Python version
    train/, test/                                  ten folders of image files, one a class

The first three give the same images in the same order, and are checked by the official MD5 of the
binary version, into which every form can be put back.

Source: Alex Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; its page
(https://www.cs.toronto.edu/~kriz/cifar.html) asks for that citation.

Axes: M images, C colours, Y X pixels.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosvt.config import UserError, first_line
from neurosvt.datasets.folder import VARIABLE, checked_split, data_root
from neurosvt.datasets.plain_pickle import plain_pickle
from neurosvt.files import write_whole
from neurosvt.pictures import opened_image

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_SIDE = 32
"""Pixels per side."""
PER_FILE = 10_000
"""Images in each official file."""

CIFAR10_VALIDATION_PER_CLASS = 500
"""The last of each class of the official training part: 5,000 in all, in the same proportions."""

OFFICIAL = {
    "train": {
        "data_batch_1": "5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2": "5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3": "942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4": "ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5": "53f37980c15c3d472c316c40844f3f0d",
    },
    "test": {"test_batch": "803d5f7f4d78ea53de84dbe85f74fb6d"},
}
"""Official files of each part, and the MD5 of the binary ones."""


@dataclass(frozen=True)
class Images:
    """Photographs and what they show."""

    pixels: np.ndarray
    """(M, 3, 32, 32) uint8; red, green, blue."""
    labels: np.ndarray
    """(M,) int64, indices into `CIFAR10_CLASSES`."""

    def __len__(self) -> int:
        return len(self.labels)


def load_cifar10(split: str, root: str | Path | None = None) -> Images:
    """A part of CIFAR-10, decoded, in memory.

    Args:
        split: "train" (45,000 images), "validation" (5,000 of the official training part, see
            `CIFAR10_VALIDATION_PER_CLASS`) or "test" (10,000).
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError: no form of it is there, or a file of one is missing.
        UserError: an unknown split, or files that do not hold CIFAR-10; one line that names them.
    """
    part = "test" if checked_split(split) == "test" else "train"
    read, folder = _found(part, root)
    images = read(folder, part)
    if split == "test":
        return images
    kept = np.zeros(len(images), bool)
    for label in range(len(CIFAR10_CLASSES)):
        kept[np.flatnonzero(images.labels == label)[-CIFAR10_VALIDATION_PER_CLASS:]] = True
    chosen = np.flatnonzero(kept == (split == "validation"))
    return Images(images.pixels[chosen], images.labels[chosen])


def read_parquet(folder: Path, part: str) -> Images:
    """One file with the bytes of an image file in every row."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException, types

    path = folder / f"cifar10_{part}.parquet"
    try:
        table = pq.read_table(path, columns=["image", "label"])
    except (ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged or is no parquet file with image and label") from error
    images, labels = table["image"], table["label"]
    whole = types.is_binary(images.type) and types.is_integer(labels.type)
    if not whole or images.null_count or labels.null_count or not table.num_rows:
        raise UserError(f"{path} is damaged: each row needs the bytes of an image, and a label")
    pixels = [decoded(data, f"{path}, row {i}") for i, data in enumerate(images.to_pylist())]
    return _official(np.stack(pixels), labels.to_numpy().astype(np.int64), part, path)


def read_binary(folder: Path, part: str) -> Images:
    """The official binary version: a byte of label, then the planes of red, green and blue."""
    files = []
    for name in OFFICIAL[part]:
        path = folder / f"{name}.bin"
        raw = np.frombuffer(_bytes(path), np.uint8)
        if raw.size != PER_FILE * (1 + 3 * CIFAR10_SIDE**2):
            raise UserError(f"{path} holds {raw.size} bytes, not {PER_FILE} images")
        files.append(raw.reshape(PER_FILE, -1))
    rows = np.concatenate(files)
    pixels = rows[:, 1:].reshape(-1, 3, CIFAR10_SIDE, CIFAR10_SIDE)
    return _official(pixels, rows[:, 0].astype(np.int64), part, folder)


def read_python(folder: Path, part: str) -> Images:
    """The official Python version. Its pickles are read by a reader that knows arrays alone."""
    pixels, labels = [], []
    for name in OFFICIAL[part]:
        path = folder / name
        try:
            batch = plain_pickle(_bytes(path))
            pixels.append(
                np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, CIFAR10_SIDE, CIFAR10_SIDE)
            )
            labels.append(np.asarray(batch[b"labels"], np.int64))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = first_line(error)
            raise UserError(f"{path} is damaged or is no batch of CIFAR-10 ({reason})") from error
    return _official(np.concatenate(pixels), np.concatenate(labels), part, folder)


def read_folders(folder: Path, part: str) -> Images:
    """Ten folders of image files. Their order is that of their names, so that no hash applies."""
    pixels, labels = [], []
    for label, name in enumerate(CIFAR10_CLASSES):
        files = sorted(path for path in (folder / part / name).glob("*") if path.is_file())
        if not files:
            raise FileNotFoundError(
                f"{folder / part / name} holds no images; each of {', '.join(CIFAR10_CLASSES)} "
                "needs a folder of its own"
            )
        pixels += [decoded(path.read_bytes(), str(path)) for path in files]
        labels += [label] * len(files)
    return Images(np.stack(pixels), np.asarray(labels, np.int64))


def prepare_cifar10(source: str | Path, destination: Path) -> bool:
    """Write the official binary version, which is read without decoding, from any form that can be
    checked; interrupted, it goes on where it stopped.

    Args:
        source: folder that holds CIFAR-10, as `load_cifar10` takes it.
        destination: folder in which `cifar-10-batches-bin` is made.

    Returns:
        Whether there was anything to do.

    Raises:
        FileNotFoundError, UserError: as `load_cifar10`; or if there are only folders of images.
    """
    folder = destination / "cifar-10-batches-bin"
    worked = False
    for part, names in OFFICIAL.items():
        missing = [n for n, md5 in names.items() if not _is_whole(folder / f"{n}.bin", md5)]
        if not missing:
            continue
        read, found = _found(part, source)
        if read is read_folders:
            raise UserError(f"{found / part} holds images in no known order, so nothing to check")
        images = read(found, part)
        folder.mkdir(parents=True, exist_ok=True)
        for i, name in enumerate(names):
            if name in missing:
                write_whole(folder / f"{name}.bin", _official_file(images.pixels, images.labels, i))
        worked = True
    return worked


def _is_whole(path: Path, md5: str) -> bool:
    return path.is_file() and _md5(path.read_bytes()) == md5


def _official_file(pixels: np.ndarray, labels: np.ndarray, number: int) -> bytes:
    """One official binary file: a byte of label, then the planes of red, green and blue."""
    part = slice(number * PER_FILE, (number + 1) * PER_FILE)
    columns = labels[part, None].astype(np.uint8), pixels[part].reshape(-1, 3 * CIFAR10_SIDE**2)
    return np.concatenate(columns, 1).tobytes()


def _md5(data: bytes) -> str:
    """A check of transmission, for which the published sums are MD5."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


Reader = Callable[[Path, str], Images]


def _found(part: str, root: str | Path | None) -> tuple[Reader, Path]:
    """The reader for the form that is there, and the folder that it wants."""
    top = data_root(root)
    for base in (top / "cifar10", top):
        forms: list[tuple[Reader, Path, Path]] = [
            (read_parquet, base, base / f"cifar10_{part}.parquet"),
            (read_binary, base / "cifar-10-batches-bin", base / "cifar-10-batches-bin"),
            (read_python, base / "cifar-10-batches-py", base / "cifar-10-batches-py"),
            (read_folders, base, base / part),
        ]
        for reader, folder, sign in forms:
            if sign.exists():
                return reader, folder
    raise FileNotFoundError(
        f"no CIFAR-10 in {top / 'cifar10'} or {top}: cifar10_{part}.parquet, cifar-10-batches-bin, "
        f"cifar-10-batches-py or {part}/<class>/ would do; {VARIABLE} names the folder"
    )


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: this form of CIFAR-10 is not complete")
    return path.read_bytes()


def decoded(data: bytes, name: str) -> np.ndarray:
    """The pixels (3, 32, 32) uint8 of an image file.

    Raises:
        UserError: no image, or one of another size or without colours; `name` says which.
    """
    with opened_image(data, name) as image:
        if image.mode in ("1", "L", "LA", "I", "F"):
            raise UserError(f"{name} is greyscale; a colour image is needed")
        if image.size != (CIFAR10_SIDE, CIFAR10_SIDE):
            width, height = image.size
            raise UserError(
                f"{name} is {width} x {height} pixels, not {CIFAR10_SIDE} x {CIFAR10_SIDE}"
            )
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def _official(pixels: np.ndarray, labels: np.ndarray, part: str, source: Path) -> Images:
    """What was read, if it is CIFAR-10 to the bit."""
    known = list(OFFICIAL[part].values())
    if len(pixels) != PER_FILE * len(known) or len(labels) != len(pixels):
        raise UserError(f"{source} holds {len(pixels)} images, not {PER_FILE * len(known)}")
    for i, wanted in enumerate(known):
        if _md5(_official_file(pixels, labels, i)) != wanted:
            raise UserError(f"{source}: images {i * PER_FILE} and on differ from the official ones")
    return Images(np.ascontiguousarray(pixels), labels)
