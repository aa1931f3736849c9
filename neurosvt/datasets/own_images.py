"""Photographs of one's own, a folder per class, brought into form once.

`neurosvt data prepare folder PHOTOS DEST` makes a folder of them where the files are images:

    dataset.json                        classes, and how many images a part has
    train.npz, validation.npz, ...      pixels (M, 3, S, S) uint8 of squares of 64, and labels

Folders of classes may lie in folders of parts: train, validation (or val), test. Of what has no
part, every tenth image of a class, in the order of names, judges, and the one after it validates.

Axes: M images, S pixels per side, C colours.
"""

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.any_image import pixels_of
from neurosvt.datasets.cifar10 import Images
from neurosvt.datasets.folder import SPLITS, checked_split
from neurosvt.datasets.index import class_folders
from neurosvt.datasets.prepared_folder import (
    DATASET_FILE,
    IMAGES_KIND,
    begin_folder,
    mark_of,
    place_of,
    read_table,
    sound_table,
    write_table,
)
from neurosvt.files import write_whole
from neurosvt.pictures import pillow
from neurosvt.reading import read_arrays
from neurosvt.spread import Spread, in_order, one_by_one

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm")
"""What image files are called."""
STORED_SIDE = 64
"""Pixels per side as prepared; models see as many as they like, up to that."""
ONE_IN = 10
"""Images of a class, of which one judges and one validates where there are no parts."""


def holds_images(source: Path) -> bool:
    """Whether what lies in a folder per class are images."""
    files = [path for _, _, path in class_folders(source)] if source.is_dir() else []
    return bool(files) and all(path.suffix.lower() in SUFFIXES for path in files)


def prepare_images(
    source: Path,
    destination: Path,
    on_image: Callable[[int, int], None] = lambda done, of: None,
    spread: Spread = one_by_one,
) -> bool:
    """Read every image once, and write its middle square.

    Args:
        source: folder of folders of images, of any size.
        destination: folder to write; what is there of the same source is kept.
        on_image: told how many images are done, and of how many.
        spread: who reads; see `spread_over`.

    Returns:
        Whether there was anything to do.

    Raises:
        UserError: a damaged image, a class that training never shows, fewer than two classes, or a
            destination that holds something else.
    """
    found = _parted(class_folders(source))
    classes = sorted({label for _, label, _ in found})
    learnt = {label for split, label, _ in found if split == "train"}
    if len(classes) < 2:
        raise UserError(f"{source} has one class alone: {classes[0]}")
    for label in classes:
        if label not in learnt:
            raise UserError(f"{source}: class {label} has no image to learn from")
    sizes = [(split, label, str(path), path.stat().st_size) for split, label, path in found]
    mark = mark_of(sizes)
    if not begin_folder(destination, mark):
        return False
    pixels = []
    for image in in_order(spread(_square, [path for _, _, path in found])):
        pixels.append(image)
        on_image(len(pixels), len(found))
    counts = {}
    for split in SPLITS:
        own = [i for i, (part, _, _) in enumerate(found) if part == split]
        if not own:
            continue
        counts[split] = len(own)
        labels = np.array([classes.index(found[i][1]) for i in own])
        packed = io.BytesIO()
        np.savez(packed, pixels=np.stack([pixels[i] for i in own]), labels=labels)
        write_whole(destination / f"{split}.npz", packed.getvalue())
    write_table(destination, IMAGES_KIND, mark, {"classes": classes, "images": counts})
    return True


def own_images(folder: str | Path, split: str, side: int) -> Images:
    """The images of a part, as squares of this side.

    Raises:
        FileNotFoundError, UserError: no such folder, none of images, or none for this part.
    """
    checked_split(split)
    table, place = images_table(folder), place_of(folder)
    if split not in table["images"]:
        raise UserError(f"{place} has no image for {split}")
    arrays = read_arrays(path := place / f"{split}.npz")
    pixels, labels = (arrays.get(name, np.empty(0)) for name in ("pixels", "labels"))
    whole = pixels.dtype == np.uint8 and labels.dtype.kind in "iu" and labels.ndim == 1
    if not whole or pixels.shape != (len(labels), 3, STORED_SIDE, STORED_SIDE):
        raise UserError(f"{path} is damaged: prepare it again")
    if not np.isin(labels, range(len(table["classes"]))).all():
        raise UserError(f"{path} has labels of other classes than {DATASET_FILE}: prepare it again")
    return Images(pixels if side == STORED_SIDE else _resized(pixels, side), labels)


def images_table(folder: str | Path) -> Mapping[str, Any]:
    """What a prepared folder of images says of itself.

    Raises:
        FileNotFoundError, UserError: it is none.
    """
    table = read_table(folder, IMAGES_KIND)
    with sound_table(folder):
        if not all(isinstance(name, str) for name in [*table["classes"], *table["images"]]):
            raise ValueError("a class without a name")
    return table


def _parted(found: list[tuple[str, str, Path]]) -> list[tuple[str, str, Path]]:
    """With a part for each: where none judges or validates, some do."""
    splits = {split for split, _, _ in found}
    shared = {"validation": 1} if "test" in splits else {"test": 0, "validation": 1}
    if "validation" in splits:
        return found
    number: dict[str, int] = {}
    parted = []
    for split, label, path in found:
        if split in ("", "train"):
            number[label] = number.get(label, -1) + 1
            turn = number[label] % ONE_IN
            split = next((part for part, at in shared.items() if at == turn), "train")
        parted.append((split, label, path))
    return parted


def _square(path: Path) -> np.ndarray:
    return pixels_of(str(path), str(path), STORED_SIDE, lambda line: None)


def _resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Of (M, 3, S, S) uint8 the same, of another side."""
    image = pillow()
    resize = partial(_of_side, image, side)
    return np.stack(list(map(resize, pixels)))


def _of_side(image: Any, side: int, pixels: np.ndarray) -> np.ndarray:
    whole = image.fromarray(pixels.transpose(1, 2, 0))
    return np.asarray(whole.resize((side, side), image.Resampling.BOX)).transpose(2, 0, 1)
