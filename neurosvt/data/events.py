"""The event array, one recording of it, and binary frames made from it.

Units: t in microseconds, x to the right and y down in pixels, p True for ON (brighter).

Axes: T frames, 2 polarities (OFF, ON), H W sensor pixels.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from neurosvt.config import UserError

EVENT = np.dtype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.bool_)])

MAX_FRAME_BYTES = 4 << 30
"""Frames beyond this are refused: a recording that asks for them has a broken clock, or wants a
longer frame or to be cut."""


@dataclass(frozen=True)
class Recording:
    """What one event camera saw."""

    events: np.ndarray
    """(N,) of dtype `EVENT`, in the order of the file."""
    width: int
    """Sensor width, pixels."""
    height: int
    """Sensor height, pixels."""
    label: int | None = None
    """Class of what it shows, where known."""
    name: str = ""
    """What to call it in messages and pages."""

    def __post_init__(self):
        if self.events.dtype != EVENT:
            raise UserError(f"events must have dtype {EVENT}, got {self.events.dtype}")
        if self.width < 1 or self.height < 1:
            raise UserError(
                f"sensor must be at least 1 x 1 pixel, got {self.width} x {self.height}"
            )
        for axis, limit in (("x", self.width), ("y", self.height)):
            if len(self.events) and self.events[axis].max() >= limit:
                raise UserError(
                    f"{self.name or 'recording'}: an event at {axis} = {self.events[axis].max()} "
                    f"lies outside the sensor of {self.width} x {self.height} pixels"
                )


def extent(events: np.ndarray) -> tuple[int, int]:
    """Width and height of the smallest sensor that holds events."""
    return int(events["x"].max(initial=0)) + 1, int(events["y"].max(initial=0)) + 1


def pack_events(t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike) -> np.ndarray:
    """One event array (N,) from four columns of equal length.

    Raises:
        UserError: columns of different length, not of integers, or out of range (x, y within
            0..65535; p of 0 and 1, -1 and 1, or bool).
    """
    columns = {"t": np.asarray(t), "x": np.asarray(x), "y": np.asarray(y), "p": np.asarray(p)}
    for name, column in columns.items():
        if column.ndim != 1 or len(column) != len(columns["t"]):
            shapes = {n: c.shape for n, c in columns.items()}
            raise UserError(f"t, x, y, p must be lists of one length, got shapes {shapes}")
        if column.dtype.kind not in ("iu" if name != "p" else "iub"):
            raise UserError(f"{name} must hold integers, got {column.dtype} ({_wanted[name]})")
        low, high = _range[name]
        if len(column) and (column.min() < low or column.max() > high):
            raise UserError(f"{name} must lie in {low}..{high}, got {column.min()}..{column.max()}")
    events = np.empty(len(columns["t"]), EVENT)
    for name in ("t", "x", "y"):
        events[name] = columns[name]
    events["p"] = columns["p"] > 0
    return events


_wanted = {"t": "microseconds", "x": "pixels", "y": "pixels", "p": "0 OFF, 1 ON"}
_range = {"t": (-(2**62), 2**62), "x": (0, 65535), "y": (0, 65535), "p": (-1, 1)}


def fit_to_sensor(recording: Recording, size: int) -> Recording:
    """Bring any camera onto a square of size x size pixels, keeping its proportions.

    Blocks of f x f pixels become one, f the smallest integer that makes both sides fit (1 for a
    camera that fits as it is); the result lies in the middle. A 346 x 260 camera on 64 x 64: f = 6,
    58 x 44 pixels. No event is dropped; events of one block and moment stay separate events.
    """
    if size < 1:
        raise UserError(f"size must be at least 1 pixel, got {size}")
    factor = -(-max(recording.width, recording.height) // size)
    events = recording.events.copy()
    for axis, side in (("x", recording.width), ("y", recording.height)):
        events[axis] = events[axis] // factor + (size - -(-side // factor)) // 2
    return replace(recording, events=events, width=size, height=size)


def frames_from_events(
    events: Recording | np.ndarray,
    size: int,
    frame_us: int,
    *,
    start_us: int | None = None,
    frames: int | None = None,
) -> np.ndarray:
    """Binary frames (T, 2, size, size) bool: True where at least one event fell; none is lost.

    Args:
        events: a recording, or its event array; in any order of time.
        size: sensor side, pixels; `fit_to_sensor` first where the camera differs.
        frame_us: frame t holds the events with `start_us + t * frame_us <= time < ... + frame_us`.
        start_us: start of the first frame; None for the earliest event.
        frames: T; None for as many as the events need.

    Raises:
        UserError: an event outside the sensor or the given frames, a frame length below 1, or a
            span of time that makes more than 4 GiB of frames.
    """
    events = events.events if isinstance(events, Recording) else events
    if frame_us < 1:
        raise UserError(f"frame_us must be at least 1, got {frame_us}")
    side = int(max(events["x"].max(initial=0), events["y"].max(initial=0))) + 1
    if side > size:
        raise UserError(f"events need a sensor of {side} pixels, got {size}; use fit_to_sensor")
    start = int(events["t"].min(initial=2**62)) if start_us is None else start_us
    index = (events["t"] - start) // frame_us
    needed = int(index.max(initial=-1)) + 1
    if len(index) and index.min() < 0:
        raise UserError(f"start_us {start} comes after the first event at {events['t'].min()}")
    if frames is not None and needed > frames:
        raise UserError(f"events span {needed} frames of {frame_us} us, more than frames {frames}")
    count = needed if frames is None else frames
    if count * 2 * size * size > MAX_FRAME_BYTES:
        raise UserError(
            f"events span {count} frames of {frame_us} us, more than fits; cut the recording or "
            "take longer frames"
        )
    result = np.zeros((count, 2, size, size), bool)
    result[index, events["p"].astype(np.intp), events["y"], events["x"]] = True
    return result
