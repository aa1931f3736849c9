"""N-MNIST as it is downloaded: a file for every recording, in a folder for every digit.

Train/0/00002.bin, ..., Test/9/09998.bin
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.nmnist import NMNIST_CLASSES, NMNIST_COLUMNS, NMNIST_SEEN_US, NMNIST_SIDE
from neurosvt.events.recording import Recording
from neurosvt.formats import read_events
from neurosvt.formats.options import ReadOptions
from neurosvt.spread import Spread, in_order, one_by_one

_PARTS = {"Train": "train", "Test": "test"}
"""Folders of the download, and of what is made of them."""

PER_SHARE = 250
"""Recordings that are read at a time: some 10 MB of events."""

_KINDS = {
    "x": np.uint8, "y": np.uint8, "p": np.uint8, "t": np.uint32,
    "offsets": np.int64, "labels": np.int64, "ids": np.int64,
}  # fmt: skip


def prepare_nmnist(
    source: str | Path,
    destination: Path,
    on_recording: Callable[[int, int], None] = lambda done, of: None,
    spread: Spread = one_by_one,
) -> bool:
    """Put all recordings into a few files that can be mapped, once; what was interrupted begins
    again with the part, training or test, at which it stopped.

    Args:
        source: folder with `Train` and `Test`.
        destination: folder for what `load_nmnist` reads.
        on_recording: told how many recordings are done, and of how many.
        spread: who reads; see `spread_over`.

    Returns:
        Whether there was anything to do.

    Raises:
        FileNotFoundError: no such folder.
        UserError: a digit without recordings, or a recording that is damaged or no such one.
    """
    source = Path(source)
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: no such folder")
    files = {part: _files(source / part) for part in _PARTS}
    missing = [part for part, made in _PARTS.items() if not (destination / made).is_dir()]
    total = sum(len(files[part]) for part in missing)
    done = 0
    for part in missing:
        draft = destination / f"{_PARTS[part]}.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        with ExitStack() as stack:
            columns = {
                name: Column(stack.enter_context(open(draft / f"{name}.npy", "wb")), _KINDS[name])
                for name in NMNIST_COLUMNS
            }
            columns["offsets"].add(np.zeros(1))
            shares = [
                files[part][start : start + PER_SHARE]
                for start in range(0, len(files[part]), PER_SHARE)
            ]
            for share, read in zip(shares, in_order(spread(_read_share, shares)), strict=True):
                for (digit, path), recording in zip(share, read, strict=True):
                    _add(columns, recording, digit, int(path.stem))
                    done += 1
                    on_recording(done, total)
            for column in columns.values():
                column.finish()
        os.replace(draft, destination / _PARTS[part])
    return bool(missing)


class Column:
    """One `.npy` file that grows: its header is written again when its length is known.

    Args:
        stream: where to.
        kind: of its numbers.
    """

    def __init__(self, stream: BinaryIO, kind: type):
        self.stream, self.kind, self.length = stream, np.dtype(kind), 0
        self._header()

    def add(self, numbers: np.ndarray) -> None:
        """Append."""
        self.stream.write(numbers.astype(self.kind).tobytes())
        self.length += len(numbers)

    def finish(self) -> None:
        """Say how many there are."""
        self.stream.seek(0)
        self._header()

    def _header(self) -> None:
        # NumPy leaves room in it for the first axis to grow.
        about = {"descr": self.kind.str, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.stream, about)


def _files(folder: Path) -> list[tuple[int, Path]]:
    """Digit and path of every recording, in the order of their numbers."""
    found = []
    for digit in range(len(NMNIST_CLASSES)):
        some = [
            (digit, path) for path in (folder / str(digit)).glob("*.bin") if path.stem.isdigit()
        ]
        if not some:
            raise UserError(f"{folder / str(digit)} holds no 00002.bin, ...; is it N-MNIST?")
        found += some
    return sorted(found, key=lambda entry: int(entry[1].stem))


def _read_share(share: Sequence[tuple[int, Path]]) -> list[Recording]:
    return [_read(path) for _, path in share]


def _read(path: Path) -> Recording:
    def refuse(line: str) -> None:
        raise UserError(line)

    return read_events(path, refuse, ReadOptions(sensor=(NMNIST_SIDE, NMNIST_SIDE)))


def _add(columns: dict[str, Column], recording: Recording, digit: int, number: int) -> None:
    events = recording.events
    # None lasts longer; what stands there is a fault of the clock, and would fall into the dark.
    events = events[events["t"] < NMNIST_SEEN_US]
    for name in ("x", "y", "p", "t"):
        columns[name].add(events[name])
    for name, value in (("offsets", columns["x"].length), ("labels", digit), ("ids", number)):
        columns[name].add(np.array([value]))
