"""Where an object is over time, as annotators and trackers write it: boxes.

Read are text of MOTChallenge (frame, id, left, top, width, height), of OTB (left, top, width,
height, a frame a line), with named columns, and arrays like those of DSEC-detection (t, x, y, w,
h, track_id).

Axes: N boxes, Q times that are asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosvt.config import UserError, first_line
from neurosvt.reading import read_array, read_text

NAMES = {
    "t": "t_us", "ts": "t_us", "timestamp": "t_us", "t_us": "t_us", "t_s": "t_s", "time": "t_s",
    "frame": "frame", "id": "id", "track_id": "id", "track": "id",
    "x": "left", "left": "left", "bb_left": "left", "y": "top", "top": "top", "bb_top": "top",
    "w": "width", "width": "width", "bb_width": "width",
    "h": "height", "height": "height", "bb_height": "height",
}  # fmt: skip
"""What columns are called, and what they are; other columns are passed over."""

UNNAMED = {
    4: ("left", "top", "width", "height"),
    6: ("frame", "id", "left", "top", "width", "height"),
}
"""Columns of text without names: OTB's four, and the first six of MOTChallenge."""

SIDES = ("left", "top", "width", "height")
MOST_BYTES = 256 << 20
"""Of a file of boxes."""


@dataclass(frozen=True)
class Boxes:
    """The box of one object, at times that rise."""

    t: np.ndarray
    """(N,) float64: seconds after the recording's first event."""
    box: np.ndarray
    """(N, 4) float64: left, top, width, height, pixels."""

    def middle(self, t: np.ndarray) -> np.ndarray:
        """(Q, 2) float64: x, y of the middle at times (Q,); between two boxes it moves evenly, and
        before the first and after the last it is not known (NaN)."""
        middles = self.box[:, :2] + self.box[:, 2:] / 2
        ends = {"left": np.nan, "right": np.nan}
        return np.stack([np.interp(t, self.t, column, **ends) for column in middles.T], -1)


@np.errstate(invalid="ignore", over="ignore")  # what is not finite is refused at the end
def read_boxes(
    path: str | Path, *, fps: float | None = None, track: int | None = None, start_us: int = 0
) -> Boxes:
    """The boxes of one object.

    Args:
        path: text, or an array (`.npy`).
        fps: frames a second, where boxes are counted in frames, of which the first is number 1.
        track: which object, where the file holds several.
        start_us: the recording's first event, where boxes have times in microseconds.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: none of these kinds, several objects and none named, or boxes that are none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path} is larger than boxes are: {path.stat().st_size:,} bytes")
    columns = _array(path) if path.suffix == ".npy" else _text(path)
    missing = [name for name in SIDES if name not in columns]
    if missing:
        raise UserError(f"{path} has no column for {', '.join(missing)}")
    kept = _of_one(columns, track, path)
    t = _seconds({name: values[kept] for name, values in columns.items()}, fps, start_us, path)
    box = np.stack([columns[name][kept] for name in SIDES], -1)
    order = np.argsort(t, kind="stable")
    return _checked(t[order], box[order], path)


def _of_one(columns: dict[str, np.ndarray], track: int | None, path: Path) -> np.ndarray:
    """Which rows belong to the object that is asked for."""
    ids = columns.get("id", np.zeros(len(columns["left"])))
    if track is None and len(many := np.unique(ids)) > 1:
        few = ", ".join(f"{one:g}" for one in many[:8])
        more = f" and {len(many) - 8} more" if len(many) > 8 else ""
        raise UserError(f"{path} holds {len(many)} objects: track names one of {few}{more}")
    kept = np.ones(len(ids), bool) if track is None else ids == track
    if not kept.any():
        raise UserError(f"{path} has no box" + (f" of track {track}" if track is not None else ""))
    return kept


def _seconds(
    columns: dict[str, np.ndarray], fps: float | None, start_us: int, path: Path
) -> np.ndarray:
    if "t_us" in columns:
        return (columns["t_us"] - start_us) / 1e6
    if "t_s" in columns:
        return columns["t_s"]
    frame = columns.get("frame", np.arange(1.0, len(columns["left"]) + 1))
    if not fps or not 0 < fps < np.inf:
        raise UserError(f"{path} counts frames: fps must say how many there are a second")
    return (frame - 1) / fps


def _checked(t: np.ndarray, box: np.ndarray, path: Path) -> Boxes:
    if not (np.isfinite(t).all() and np.isfinite(box).all()):
        raise UserError(f"{path} holds numbers that are not finite")
    if (box[:, 2:] < 0).any():
        raise UserError(f"{path} holds boxes of negative width or height")
    if (np.diff(t) == 0).any():
        twice = t[1:][np.diff(t) == 0][0]
        raise UserError(f"{path} has two boxes at {twice:g} s: track names one object")
    return Boxes(t, box)


def _array(path: Path) -> dict[str, np.ndarray]:
    array = read_array(path)
    if array.dtype.names is None or array.ndim != 1:
        raise UserError(f"{path} must be a structured array of boxes, got {array.dtype.name}")
    return {NAMES[name]: array[name].astype(float) for name in array.dtype.names if name in NAMES}


def _text(path: Path) -> dict[str, np.ndarray]:
    lines = [line.strip() for line in read_text(path).splitlines()]
    rows = [
        (number, re.split(r"[,;\s]+", line))
        for number, line in enumerate(lines, 1)
        if line and not line.startswith("#")
    ]
    if not rows:
        raise UserError(f"{path} has no box")
    names: Sequence[str | None]
    if _is_number(rows[0][1][0]):
        count = len(rows[0][1])
        if count != 4 and count < 6:
            raise UserError(
                f"{path} has {count} columns: four of OTB, six of MOTChallenge, or named"
            )
        names = UNNAMED[4 if count == 4 else 6]
    else:
        names = [NAMES.get(word.lower()) for word in rows.pop(0)[1]]
    numbers = [_numbers(words, len(names), f"{path}, line {number}") for number, words in rows]
    table = np.array(numbers).reshape(-1, len(names))
    return {name: table[:, i] for i, name in enumerate(names) if name}


def _numbers(words: Sequence[str], count: int, where: str) -> list[float]:
    if len(words) < count:
        raise UserError(f"{where}: {len(words)} columns, expected {count}")
    try:
        return [float(word) if word else np.nan for word in words[:count]]
    except ValueError as error:
        raise UserError(f"{where}: {first_line(error)}") from error


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
