"""The event array, and one recording of it.

Units: t in microseconds, x to the right and y down in pixels, p True for ON (brighter).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from neurosvt.config import UserError
from neurosvt.sides import Sides, Size

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
    """How the pixels of any camera fall onto a model's, keeping its proportions.

    Blocks of f x f pixels become one, f the smallest integer that makes both sides fit (1 for a
    camera that fits as it is); the result lies in the middle. A 346 x 260 camera on 64 x 64: f = 6,
    58 x 44 pixels; on 88 x 72: f = 4, 87 x 65 pixels.

    >>> Fitting(346, 260, 64).factor, Fitting(346, 260, (88, 72)).factor
    (6, 4)
    """

    width: int
    """Sensor width, pixels."""
    height: int
    """Sensor height, pixels."""
    size: Size
    """Of the model: pixels a side of a square, or width and height."""

    def __post_init__(self) -> None:
        if self.onto.shorter < 1:
            raise UserError(f"size must be at least 1 pixel, got {self.size}")

    @cached_property
    def onto(self) -> Sides:
        """Width and height of the model's sensor."""
        return Sides.of(self.size)

    @cached_property
    def factor(self) -> int:
        """Pixels of the camera, per side, that become one."""
        return max(-(-self.width // self.onto.width), -(-self.height // self.onto.height))

    @cached_property
    def margin(self) -> tuple[int, int]:
        """Empty pixels to the left and at the top."""
        sides = (self.width, self.height)
        left, top = (
            (room - -(-side // self.factor)) // 2
            for room, side in zip(self.onto, sides, strict=True)
        )
        return left, top

    def fit(self, events: np.ndarray) -> np.ndarray:
        """The same events (n,) on the model's sensor. None is dropped; events of one block and time
        stay separate events."""
        fitted = events.copy()
        for axis, margin in zip(("x", "y"), self.margin, strict=True):
            fitted[axis] = events[axis] // self.factor + margin
        return fitted

    @cached_property
    def least(self) -> int:
        """Events of one polarity within a frame below which a block counts as one without.

        Noise grows with a block's area, an edge that passes with its side. If any event made a
        block fire, noise of 5 Hz would make a third of all blocks of 4 x 4 fire in 10 ms.
        """
        return max(1, self.factor // 2)

    def crowded(self, events: np.ndarray, frame: np.ndarray | None = None) -> np.ndarray:
        """Those of fitted events (n,) whose block has at least `least` of their polarity.

        Args:
            events: as `fit` gives them.
            frame: (n,) which frame each is of; None where all are of one.
        """
        if self.least == 1 or not len(events):
            return events
        width, height = self.onto
        block = (events["p"].astype(np.int64) * height + events["y"]) * width + events["x"]
        if frame is not None:
            block += frame.astype(np.int64) * (2 * width * height)
            _, block, count = np.unique(block, return_inverse=True, return_counts=True)
        else:
            count = np.bincount(block)
        kept: np.ndarray = events[count[block] >= self.least]
        return kept

    def frames(self, frames: np.ndarray) -> np.ndarray:
        """Frames (F, ..., 2, H, W) of the camera as (F, ..., 2, Y, X) of the model: blocks in which
        at least `least` pixels fired."""
        (width, height), (left, top) = self.onto, self.margin
        fitted = np.zeros((*frames.shape[:-2], height, width), bool)
        for shown, frame in zip(fitted, frames, strict=True):
            row, x = np.divmod(np.flatnonzero(frame), self.width)  # most pixels are silent
            image, y = np.divmod(row, self.height)
            block = (image * height + y // self.factor + top) * width + x // self.factor + left
            count = np.bincount(block, minlength=shown.size)
            shown[...] = (count >= self.least).reshape(shown.shape)
        return fitted

    def share(self, position: np.ndarray) -> np.ndarray:
        """Positions (..., 2) on the camera's own sensor, pixels, in [0, 1] of the model's."""
        shared: np.ndarray = (position / self.factor + self.margin) / self.onto
        return shared

    def pixel(self, position: tuple[float, float]) -> tuple[float, float]:
        """Where on the camera's own sensor a position in [0, 1] of the model's lies, pixels; what
        lies beside the sensor is moved to its edge."""
        sides = (self.width, self.height)
        x, y = (
            min(max((share * room - margin) * self.factor, 0.0), float(side))
            for share, room, margin, side in zip(
                position, self.onto, self.margin, sides, strict=True
            )
        )
        return x, y


def fit_to_sensor(recording: Recording, size: Size) -> Recording:
    """Bring any camera onto a sensor of this size, as `Fitting` does."""
    fitting = Fitting(recording.width, recording.height, size)
    width, height = fitting.onto
    return replace(recording, events=fitting.fit(recording.events), width=width, height=height)
