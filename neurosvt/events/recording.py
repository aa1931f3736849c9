"""The event array, and one recording of it.

Units: t in microseconds, x to the right and y down in pixels, p True for ON (brighter).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from neurosvt.config import UserError

EVENT = np.dtype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.bool_)])


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

    def __post_init__(self) -> None:
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


def refuse_three_polarities(below: bool, zero: bool) -> None:
    """Refuse polarities of which some are -1 and some 0.

    Raises:
        UserError: both are there.
    """
    if below and zero:
        raise UserError("p holds -1 and 0: which of them is OFF, and what is the other?")


def pack_events(t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike) -> np.ndarray:
    """One event array (N,) from four columns of equal length.

    Raises:
        UserError: columns of different length, not of integers, or out of range (x, y within
            0..65535; p of 0 and 1, -1 and 1, or bool, but not of -1, 0 and 1).
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
    refuse_three_polarities(bool((columns["p"] < 0).any()), not columns["p"].all())
    events = np.empty(len(columns["t"]), EVENT)
    for name in ("t", "x", "y"):
        events[name] = columns[name]
    events["p"] = columns["p"] > 0
    return events


_wanted = {"t": "microseconds", "x": "pixels", "y": "pixels", "p": "0 OFF, 1 ON"}
_range = {"t": (-(2**62), 2**62), "x": (0, 65535), "y": (0, 65535), "p": (-1, 1)}


@dataclass(frozen=True)
class Fitting:
    """How the pixels of any camera fall onto a square, keeping its proportions.

    Blocks of f x f pixels become one, f the smallest integer that makes both sides fit (1 for a
    camera that fits as it is); the result lies in the middle. A 346 x 260 camera on 64 x 64: f = 6,
    58 x 44 pixels.

    >>> Fitting(346, 260, 64).factor
    6
    """

    width: int
    """Sensor width, pixels."""
    height: int
    """Sensor height, pixels."""
    size: int
    """Pixels per side of the square."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"size must be at least 1 pixel, got {self.size}")

    @cached_property
    def factor(self) -> int:
        """Pixels of the camera, per side, that become one."""
        return -(-max(self.width, self.height) // self.size)

    @cached_property
    def margin(self) -> tuple[int, int]:
        """Empty pixels of the square to the left and at the top."""
        sides = (self.width, self.height)
        left, top = ((self.size - -(-side // self.factor)) // 2 for side in sides)
        return left, top

    def fit(self, events: np.ndarray) -> np.ndarray:
        """The same events (n,) on the square. None is dropped; events of one block and time stay
        separate events."""
        fitted = events.copy()
        for axis, margin in zip(("x", "y"), self.margin, strict=True):
            fitted[axis] = events[axis] // self.factor + margin
        return fitted

    def pixel(self, position: tuple[float, float]) -> tuple[float, float]:
        """Where on the camera's own sensor a position in [0, 1] of the square lies, pixels; what
        lies beside the sensor is moved to its edge."""
        sides = (self.width, self.height)
        x, y = (
            min(max((share * self.size - margin) * self.factor, 0.0), float(side))
            for share, margin, side in zip(position, self.margin, sides, strict=True)
        )
        return x, y


def fit_to_sensor(recording: Recording, size: int) -> Recording:
    """Bring any camera onto a square of size x size pixels, as `Fitting` does."""
    events = Fitting(recording.width, recording.height, size).fit(recording.events)
    return replace(recording, events=events, width=size, height=size)
