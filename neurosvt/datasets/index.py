"""A data set of one's own, described in a file: what each recording shows, and when.

An index is CSV with named columns or a JSON list of objects with the same keys:

    recording,class,from,to,session,split,hidden,boxes,fps
    cup_1.raw,cup,0.5,12,monday,train,3.2-4.8;7-9,cup_1.txt,30
    cup_2.raw,cup,,,tuesday,test,,,

`recording` and `class` are needed; the class `none` is what is none of them. Paths are relative to
the index, times are seconds after the recording's first event. A folder with a folder per class, or
with such folders in `train`, `validation` and `test`, says the same by itself.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from neurosvt.config import UserError, did_you_mean
from neurosvt.datasets.folder import SPLITS
from neurosvt.formats.options import AS_STATED, ReadOptions, sensor_named
from neurosvt.reading import parsed_json, read_text

Span = tuple[float, float]
"""From and to, seconds after the recording's first event."""

INDEX_COLUMNS = (
    "recording", "class", "from", "to", "session", "split", "hidden", "boxes", "track", "fps",
    "x", "y", "sensor", "camera", "unit",
)  # fmt: skip
"""Of an index; all but the first two may be missing or empty."""

NONE = "none"
"""The class of what is none of the classes: a model learns to refuse it."""

SPLIT_NAMES = {
    **{split: split for split in SPLITS}, "val": "validation", "valid": "validation",
    "Train": "train", "Test": "test", "Validation": "validation",
}  # fmt: skip
"""What parts are called, in an index and as folders."""


@dataclass(frozen=True)
class Entry:
    """A stretch of a recording that shows one object."""

    recording: Path
    label: str
    """Its class, or `NONE`."""
    from_s: float = 0.0
    to_s: float | None = None
    """None for the end of the recording."""
    session: str = ""
    """A session or person: what was recorded together belongs into one part."""
    split: str = ""
    """A key of `SPLITS`; empty where the index leaves it open."""
    hidden: tuple[Span, ...] = ()
    """When the object is fully hidden."""
    boxes: Path | None = None
    """File that says where it is; see `boxes.read_boxes`."""
    track: int | None = None
    """Which object of that file."""
    fps: float | None = None
    """Frames a second of that file."""
    at: tuple[float, float] | None = None
    """x, y of an object that rests, pixels; without boxes. None and no boxes: its events tell."""
    reading: ReadOptions = AS_STATED
    """What the recording leaves open: sensor, camera, unit."""
    where: str = ""
    """Where this is said, for messages."""


def read_index(path: str | Path) -> list[Entry]:
    """The entries of an index file or of a folder of folders.

    Raises:
        FileNotFoundError: there is no such file or folder.
        UserError: what is said is incomplete or contradicts itself; all that is wrong is named.
    """
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file or folder")
    wrong: list[str] = []
    entries = []
    for where, row in _rows(path):
        try:
            entries.append(_entry(row, path.parent, where))
        except UserError as error:
            wrong.append(str(error))
    wrong += problems(entries)
    if wrong:
        raise UserError(_told(path, wrong))
    if not entries:
        raise UserError(f"{path} names no recording")
    return entries


def problems(entries: Iterable[Entry]) -> Iterator[str]:
    """What contradicts itself, a line each: stretches that overlap, sessions in two parts, classes
    that are judged and never learnt."""
    entries = list(entries)
    for entry in entries:
        for file in (entry.recording, entry.boxes):
            if file is not None and not file.is_file():
                yield f"{entry.where}: {file} is missing"
    by_recording: dict[Path, list[Entry]] = {}
    for entry in entries:
        by_recording.setdefault(entry.recording, []).append(entry)
    for recording, own in by_recording.items():
        own.sort(key=lambda entry: entry.from_s)
        for one, other in pairwise(own):
            if one.to_s is None or other.from_s < one.to_s:
                yield f"{other.where}: {recording.name} overlaps with what {one.where} says of it"
    parts: dict[str, set[str]] = {}
    for entry in entries:
        if entry.session and entry.split:
            parts.setdefault(entry.session, set()).add(entry.split)
    for session, splits in parts.items():
        if "train" in splits and len(splits) > 1:
            others = " and ".join(sorted(splits - {"train"}))
            yield f"session {session} is in train and in {others}: what is learnt would be judged"
    if all(entry.split for entry in entries):
        learnt = {entry.label for entry in entries if entry.split == "train"}
        for label in sorted({entry.label for entry in entries} - learnt - {NONE}):
            yield f"class {label} is in no recording of train"
    if entries and all(entry.label == NONE for entry in entries):
        yield f"all recordings are of {NONE}: there is no class to know"


def _told(path: Path, wrong: list[str]) -> str:
    shown = "; ".join(wrong[:5])
    more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return f"{path}: {shown}{more}"


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where a row stands, and what it says by column."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        for number, row in enumerate(parsed_json(text, str(path)), 1):
            if not isinstance(row, dict):
                raise UserError(f"{path}: entry {number} must be an object, got {row!r}")
            _check_columns(row, path)
            yield f"entry {number}", row
        return
    reader = csv.DictReader(io.StringIO(text))
    _check_columns(reader.fieldnames or (), path)
    for row in reader:
        where = f"line {reader.line_num}"
        if None in row or None in row.values():
            raise UserError(f"{path}, {where}: not as many columns as the first line names")
        if any(row.values()):
            yield where, row


def _check_columns(names: Iterable[str], path: Path) -> None:
    names = list(names)
    for name in names:
        if name not in INDEX_COLUMNS:
            raise UserError(
                f"{path}: column {name!r} is unknown{did_you_mean(name, INDEX_COLUMNS)}"
            )
    twice = [name for name, many in Counter(names).items() if many > 1]
    missing = [name for name in ("recording", "class") if name not in names]
    if twice or missing:
        said = f"column {twice[0]!r} comes twice" if twice else f"no column {missing[0]!r}"
        raise UserError(f"{path}: {said}")


def _entry(row: Mapping[str, Any], folder: Path, where: str) -> Entry:
    def word(name: str) -> str:
        value = row.get(name)
        return "" if value is None else str(value).strip()

    def number(name: str) -> float | None:
        try:
            return float(word(name)) if word(name) else None
        except ValueError:
            raise UserError(f"{where}: {name} must be a number, got {word(name)!r}") from None

    if not (word("recording") and word("class")):
        raise UserError(f"{where}: recording and class are needed")
    split = SPLIT_NAMES.get(word("split"), word("split"))
    if split and split not in SPLITS:
        raise UserError(f"{where}: split {split!r} is none of {', '.join(SPLITS)}")
    x, y, track = number("x"), number("y"), number("track")
    if (x is None) != (y is None):
        raise UserError(f"{where}: x and y belong together")
    from_s, to_s = number("from") or 0.0, number("to")
    if from_s < 0 or (to_s is not None and to_s <= from_s):
        raise UserError(f"{where}: from {from_s:g} to {word('to')} holds nothing")
    hidden = tuple(_spans(row.get("hidden"), where))
    for begin, end in hidden:
        if begin < from_s or (to_s is not None and end > to_s):
            raise UserError(f"{where}: hidden {begin:g}-{end:g} lies outside {from_s:g} to {to_s}")
    return Entry(
        folder / word("recording"), word("class"), from_s, to_s, word("session"), split, hidden,
        folder / word("boxes") if word("boxes") else None,
        None if track is None else int(track), number("fps"),
        None if x is None or y is None else (x, y),
        _reading(word("sensor"), word("camera"), word("unit"), where), where,
    )  # fmt: skip


def _reading(sensor: str, camera: str, unit: str, where: str) -> ReadOptions:
    try:
        size = sensor_named(sensor) if sensor else None
        return ReadOptions(size, camera or None, unit or None)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _spans(said: Any, where: str) -> Iterator[Span]:
    """Spans as `3.2-4.8;7-9`, or as pairs in JSON; they rise and do not overlap."""
    if not said:
        return
    before = 0.0
    for part in said.split(";") if isinstance(said, str) else said:
        try:
            begin, end = map(float, part.split("-") if isinstance(part, str) else part)
        except (TypeError, ValueError):
            raise UserError(f"{where}: hidden must be spans as 3.2-4.8;7-9, got {part!r}") from None
        if not before <= begin < end:
            raise UserError(f"{where}: hidden {begin:g}-{end:g} does not rise")
        before = end
        yield begin, end


def _of_folder(folder: Path) -> list[Entry]:
    """A folder per class, or such folders in train, validation and test."""
    entries = [
        Entry(file, label, split=split, where=str(file.relative_to(folder)))
        for split, label, file in class_folders(folder)
    ]
    if wrong := list(problems(entries)):
        raise UserError(_told(folder, wrong))
    return entries


def class_folders(folder: Path) -> list[tuple[str, str, Path]]:
    """Part, class and file of all that lies in a folder per class, or in such folders in train,
    validation and test; the part is empty where there are none.

    Raises:
        UserError: no such folders, or other folders beside those of parts.
    """
    folders = sorted(one for one in folder.iterdir() if one.is_dir())
    parts = {one: SPLIT_NAMES[one.name] for one in folders if one.name in SPLIT_NAMES}
    if parts and len(parts) < len(folders):
        other = next(one.name for one in folders if one not in parts)
        raise UserError(f"{folder} has folders of parts, and {other}, which is none")
    found = [
        (split, place.name, file)
        for part, split in (parts or {folder: ""}).items()
        for place in sorted(part.iterdir())
        if place.is_dir()
        for file in sorted(place.iterdir())
        if file.is_file() and not file.name.startswith(".")
    ]
    if not found:
        raise UserError(f"{folder} has no folder per class with files in it")
    return found
