"""Data sets as they were downloaded, checked and brought into the form that is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurosvt.config import Registry, UserError
from neurosvt.datasets import cifar10, described, dvs128_gesture, nmnist_import, own_images
from neurosvt.datasets.folder import data_root
from neurosvt.spread import Spread, one_by_one

OnProgress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@dataclass(frozen=True)
class Preparation:
    """How one data set is prepared."""

    folder: str
    """Where it goes, below the folder of data sets; "{source}" for a name like the source's."""
    prepare: Callable[[Path, Path, int, OnProgress, Spread], bool]
    """From source, destination, frames a sample, progress and who works; whether there was anything
    to do."""
    unit: str = "parts"
    """What progress counts."""


def _gestures(
    source: Path, destination: Path, frames: int, on_progress: OnProgress, spread: Spread
) -> bool:
    if next((source / "train").glob("sample_*.pt"), None):
        from neurosvt.datasets.dvs128_tensors import prepare_tensors  # needs torch, others do not

        return prepare_tensors(source, destination, on_progress, spread)
    if frames < 1:
        raise UserError(f"frames must be at least 1, got {frames}")
    return dvs128_gesture.prepare_gestures(
        source, destination, frames=frames, on_sitting=on_progress, spread=spread
    )


def _digits(
    source: Path, destination: Path, frames: int, on_progress: OnProgress, spread: Spread
) -> bool:
    return nmnist_import.prepare_nmnist(source, destination, on_progress, spread)


def _photographs(
    source: Path, destination: Path, frames: int, on_progress: OnProgress, spread: Spread
) -> bool:
    return cifar10.prepare_cifar10(source, destination)


def _own(
    source: Path, destination: Path, frames: int, on_progress: OnProgress, spread: Spread
) -> bool:
    if own_images.holds_images(source):
        return own_images.prepare_images(source, destination, on_progress, spread)
    return described.prepare_described(source, destination, on_progress, spread)


PREPARATIONS: Registry[Preparation] = Registry(
    "data set",
    {
        "dvs128": Preparation("DVS128Gesture_Processed", _gestures, "recordings"),
        "nmnist": Preparation("nmnist", _digits, "recordings"),
        "cifar10": Preparation("cifar10", _photographs),
        "index": Preparation("{source}", _own, "recordings"),
        "folder": Preparation("{source}", _own, "recordings"),
    },
)
"""By the name that `neurosvt data prepare` takes."""


def prepare_data_set(
    name: str,
    source: str | Path,
    destination: str | Path | None = None,
    *,
    frames: int = 16,
    on_progress: OnProgress = lambda done, of: None,
    spread: Spread = one_by_one,
) -> tuple[Path, bool]:
    """Check a data set and bring it into form, once; interrupted, it goes on where it stopped.

    Args:
        name: a key of `PREPARATIONS`.
        source: what was downloaded, folder or archive.
        destination: where it goes; None for its place in the folder of data sets.
        frames: of a gesture of dvs128.
        on_progress: told how much is done, and of how much.
        spread: who reads recordings, see `spread_over`; an archive of photographs is read here.

    Returns:
        Where it lies, and whether there was anything to do.

    Raises:
        FileNotFoundError: no such source.
        UserError: a source that is damaged or something else, or made otherwise before.
    """
    preparation = PREPARATIONS[name]
    folder = preparation.folder.format(source=Path(source).stem)
    place = Path(destination) if destination else data_root() / folder
    return place, preparation.prepare(Path(source), place, frames, on_progress, spread)
