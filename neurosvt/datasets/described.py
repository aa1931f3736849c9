"""Recordings of one's own, brought into form once: events, where the object is, when it hides.

`neurosvt data prepare index|folder SOURCE` makes a folder of them from what `index` reads:

    dataset.json                  classes, and a line an entry
    0000.npz, 0001.npz, ...       its events
    0000_at.npy, ...              where it is: t (seconds), x, y (pixels), where boxes tell

Axes: N times at which the position is known.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.boxes import read_boxes
from neurosvt.datasets.folder import checked_split
from neurosvt.datasets.index import NONE, Entry, Span, read_index
from neurosvt.datasets.prepared_folder import (
    RECORDINGS_KIND,
    begin_folder,
    mark_of,
    place_of,
    read_table,
    sound_table,
    write_table,
)
from neurosvt.files import whole_file
from neurosvt.formats import read_events, write_events
from neurosvt.spread import Spread, in_order, one_by_one

SLACK_S = 0.1
"""A recording's last event may come so long before what is said of it ends: its object rests."""
SHARES = {"train": (0.0, 0.6), "validation": (0.6, 0.8), "test": (0.8, 1.0)}
"""Of every recording, where neither index nor sessions say what is judged: its end."""


@dataclass(frozen=True)
class Described:
    """An entry of a prepared data set."""

    file: Path
    """Its events."""
    label: int | None
    """An index into the classes; None for what is none of them."""
    from_s: float
    """Of these events the part's first, seconds after the first of all."""
    to_s: float
    hidden: tuple[Span, ...]
    """When the object is fully hidden, seconds after the first event."""
    at: Path | None
    """File of positions."""


def prepare_described(
    source: str | Path,
    destination: Path,
    on_recording: Callable[[int, int], None] = lambda done, of: None,
    spread: Spread = one_by_one,
) -> bool:
    """Check an index or a folder of folders, read all recordings, and write them as one folder.

    Args:
        source: as `index.read_index` takes it.
        destination: folder to write; what is there of the same source is kept.
        on_recording: told how many recordings are done, and of how many.
        spread: who reads; see `spread_over`.

    Returns:
        Whether there was anything to do.

    Raises:
        FileNotFoundError: there is no such source.
        UserError: an index that is wrong, a recording that cannot be read, labels that do not fit
            it, or a destination that holds something else.
    """
    entries = parted(read_index(source))
    # All that is said, and how large each file is.
    mark = mark_of([(repr(entry), entry.recording.stat().st_size) for entry in entries])
    if not begin_folder(destination, mark):
        return False
    told: list[dict[str, Any]] = []
    jobs = list(enumerate(entries))
    validates = not any(entry.split == "validation" for entry in entries)
    for row in in_order(spread(partial(_prepared, destination, validates), jobs)):
        told.append(row)
        on_recording(len(told), len(jobs))
    classes = list(dict.fromkeys(entry.label for entry in entries if entry.label != NONE))
    facts = {"classes": classes, "entries": told}
    write_table(destination, RECORDINGS_KIND, mark, facts)
    return True


def described_classes(folder: str | Path) -> tuple[str, ...]:
    """The classes of a prepared folder.

    Raises:
        FileNotFoundError, UserError: it is none.
    """
    table = read_table(folder, RECORDINGS_KIND)
    with sound_table(folder):
        return _classes(table)


def labels_hiding(folder: str | Path, split: str) -> bool:
    """Whether labels say of any object of a part when it is hidden.

    Raises:
        FileNotFoundError, UserError: as `described_classes`.
    """
    table = read_table(folder, RECORDINGS_KIND)
    with sound_table(folder):
        return any(row["hidden"] for row in table["entries"] if split in row["parts"])


def described(folder: str | Path, split: str) -> list[Described]:
    """The entries of a part.

    Raises:
        FileNotFoundError: there is no such folder.
        UserError: it is no prepared one, or the part is empty.
    """
    checked_split(split)
    table, place = read_table(folder, RECORDINGS_KIND), place_of(folder)
    with sound_table(folder):
        classes = _classes(table)
        found = [
            _described(row, split, classes, place)
            for row in table["entries"]
            if split in row["parts"]
        ]
    if not found:
        raise UserError(f"{place} has no recording for {split}")
    return found


def _classes(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes of a table; errors as `sound_table` takes them."""
    classes: tuple[str, ...] = tuple(table["classes"])
    if not all(isinstance(name, str) for name in classes):
        raise ValueError("a class without a name")
    return classes


def _described(
    row: Mapping[str, Any], split: str, classes: Sequence[str], place: Path
) -> Described:
    """What a line of the table says of a part; errors as `sound_table` takes them."""
    seconds, (first, last) = _number(row["seconds"]), row["parts"][split]
    return Described(
        _beside(place, row["file"]),
        None if row["class"] is None else classes.index(row["class"]),
        seconds * _number(first), seconds * _number(last),
        tuple((_number(begin), _number(end)) for begin, end in row["hidden"]),
        _beside(place, row["at"]) if row["at"] else None,
    )  # fmt: skip


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no time")
    return float(value)


def _beside(place: Path, name: str) -> Path:
    """A file of a folder: a table that names one elsewhere is damaged."""
    if Path(name).name != name:
        raise ValueError(f"{name} is elsewhere")
    return place / name


def parted(entries: Sequence[Entry]) -> list[Entry]:
    """Entries with a part each where the index says none but sessions are told apart: of every
    class the last session judges, the one before validates. An entry without a part is shared by
    all, see `SHARES`."""
    if any(entry.split for entry in entries):
        return [entry if entry.split else replace(entry, split="train") for entry in entries]
    sessions = sorted({entry.session for entry in entries} - {""})
    if len(sessions) < 3 or any(not entry.session for entry in entries):
        return list(entries)
    part = {sessions[-1]: "test", sessions[-2]: "validation"}
    return [replace(entry, split=part.get(entry.session, "train")) for entry in entries]


def _parts(entry: Entry, validates: bool) -> dict[str, tuple[float, float]]:
    """Shares of an entry by part; its end validates where nobody else does."""
    if not entry.split:
        return dict(SHARES)
    if entry.split == "train" and validates:
        return {"train": (0.0, 0.8), "validation": (0.8, 1.0)}
    return {entry.split: (0.0, 1.0)}


def _prepared(destination: Path, validates: bool, job: tuple[int, Entry]) -> dict[str, Any]:
    """Read a recording, write its part; returns its line of the table."""
    number, entry = job
    notes: list[str] = []
    whole = read_events(entry.recording, notes.append, entry.reading)
    start = int(whole.events["t"].min())
    since = (whole.events["t"] - start) / 1e6
    end = float(since.max()) if entry.to_s is None else entry.to_s
    kept = (since >= entry.from_s) & (since < end if entry.to_s else since <= end)
    if not kept.any():
        raise UserError(f"{entry.where}: {entry.recording} has no event from {entry.from_s:g} s on")
    if end > since.max() + SLACK_S or any(until > end + SLACK_S for _, until in entry.hidden):
        raise UserError(
            f"{entry.where}: {entry.recording} ends after {since.max():.3f} s, before what is said"
        )
    events = whole.events[kept].copy()
    events["t"] -= start + round(entry.from_s * 1e6)
    name = f"{number:04}"
    write_events(destination / f"{name}.npz", replace(whole, events=events))
    at = _positions(entry, start, end, (whole.width, whole.height))
    if at is not None:
        with whole_file(destination / f"{name}_at.npy") as stream:
            np.save(stream, at)
    return {
        "file": f"{name}.npz", "class": None if entry.label == NONE else entry.label,
        "session": entry.session, "parts": _parts(entry, validates),
        "seconds": end - entry.from_s, "events": len(events),
        "sensor": [whole.width, whole.height], "at": f"{name}_at.npy" if at is not None else None,
        "hidden": [[a - entry.from_s, b - entry.from_s] for a, b in entry.hidden],
        "recording": str(entry.recording), "notes": notes,
    }  # fmt: skip


def _positions(
    entry: Entry, start_us: int, end: float, sensor: tuple[int, int]
) -> np.ndarray | None:
    """(N, 3) float64: t, x, y of what boxes or the index say; None: the events have to tell."""
    if entry.at is not None:
        t, xy = np.array([entry.from_s, end]), np.array([entry.at, entry.at])
    elif entry.boxes is not None:
        boxes = read_boxes(entry.boxes, fps=entry.fps, track=entry.track, start_us=start_us)
        inside = (boxes.t >= entry.from_s) & (boxes.t <= end)
        if not inside.any():
            raise UserError(
                f"{entry.where}: {entry.boxes} tells of {boxes.t[0]:g} to {boxes.t[-1]:g} s, and "
                f"not of {entry.from_s:g} to {end:g}"
            )
        t = boxes.t[inside]
        xy = boxes.middle(t)
    else:
        return None
    beyond = ((xy < 0) | (xy > sensor)).any(-1)
    if beyond.any():
        x, y = xy[beyond][0]
        raise UserError(
            f"{entry.where}: ({x:g}, {y:g}) lies beside the sensor of {sensor[0]} x {sensor[1]}"
        )
    return np.column_stack([t - entry.from_s, xy])
