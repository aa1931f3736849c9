"""An event file as it is read: in pieces of bounded size, with an account of what was damaged.

Every format is a file of this folder with

    NAME, ENDING            what people call it, and what its files' names end in
    MAGIC                   what its files begin with, where that is always the same
    recognises(stream)      whether a file begins like one
    decode(...)             the definition of its decoder, where there is a kernel (`Decode`)
    open_source(stream)     a `Source`
    write(stream, source)   where it can be written

Nothing here guesses. What cannot be is refused in one line; what is cut short gives what was whole
before the cut, and the bytes that were lost are counted.

Units: t microseconds, x to the right and y down in pixels, as `events.recording`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.native import library

BLOCK_BYTES = 1 << 20
"""Bytes that are read at once."""
LARGEST = 1 << 16
"""A sensor of unknown size has fewer pixels per side than this."""


@dataclass
class Damage:
    """What a file held that did not become an event; all zero for a sound one."""

    lost_bytes: int = 0
    """After the last whole record."""
    time_steps_back: int = 0
    """Times of events, or of a clock, that lie before the one that came first."""
    off_sensor: int = 0
    """Events outside the sensor that the file itself states; left out."""
    untimed: int = 0
    """Events before the first time; left out."""
    notes: list[str] = field(default_factory=list)
    """What else there is to say, a line each."""

    def lines(self) -> list[str]:
        """What to warn of; time that steps back is a property of some cameras, told by `info`."""
        told = {
            "bytes at the end could not be read": self.lost_bytes,
            "events lie off the sensor that the file states": self.off_sensor,
            "events come before the first time": self.untimed,
        }
        return [f"{count:,} {what}" for what, count in told.items() if count] + self.notes


STATE = np.dtype([
    (name, np.int64)
    for name in (
        "width", "height", "last", "back", "outside", "untimed", "timed", "high", "epoch", "time",
        "clock", "y", "base", "polarity", "x_bits", "y_bits", "skip", "left", "whole", "bad",
    )
])  # fmt: skip
"""What a decoder carries from one block to the next; `State` in native/decode.cpp."""

SensorSize = tuple[int, int]
"""Width and height, pixels."""


class Source(ABC):
    """An event file, from its beginning to its end, once.

    Args:
        sensor: None where the file does not state it.
        mirrored: both axes are stored from the right and the bottom.
        inverted: 1 stands for OFF.
    """

    def __init__(
        self, sensor: SensorSize | None, *, mirrored: bool = False, inverted: bool = False
    ):
        if sensor and not all(1 <= side < LARGEST for side in sensor):
            raise UserError(f"states a sensor of {sensor[0]} x {sensor[1]} pixels")
        self.sensor, self.mirrored, self.inverted = sensor, mirrored, inverted
        self.damage = Damage()
        self.state = np.zeros((), STATE)
        self.state["width"], self.state["height"] = sensor or (LARGEST, LARGEST)
        self.state["last"] = np.iinfo(np.int64).min
        self.on_events: Callable[[int], None] = lambda count: None
        """Told how many more events `upright` gave."""

    @abstractmethod
    def chunks(self) -> Iterator[np.ndarray]:
        """Its events (n,) of dtype `EVENT`, in the order and orientation of the file."""

    def upright(self) -> Iterator[np.ndarray]:
        """Its events with x to the right, y down, and p True for ON."""
        for events in self.chunks():
            if self.mirrored and self.sensor:
                for axis, side in zip(("x", "y"), self.sensor, strict=True):
                    events[axis] = side - 1 - events[axis]
            if self.inverted:
                events["p"] = ~events["p"]
            self.on_events(len(events))
            yield events

    def account(self) -> None:
        """What the decoder counted."""
        self.damage.time_steps_back = int(self.state["back"])
        self.damage.off_sensor = int(self.state["outside"])
        self.damage.untimed = int(self.state["untimed"])


Decode = Callable[[bytes, int, np.ndarray], np.ndarray]
"""Block, number of words in it, state: the events in these words."""


class Words(Source):
    """A file of words of one length after a header, decoded by a kernel or by its definition.

    Args:
        stream: at the first word.
        decode: the definition.
        kernel: its name among the native ones, if there is one.
        word: bytes of a word.
        most: events that a word may hold.
        others: as `Source`.
    """

    def __init__(
        self,
        stream: BinaryIO,
        decode: Decode,
        sensor: SensorSize | None,
        *,
        word: int,
        kernel: str | None = None,
        most: int = 1,
        mirrored: bool = False,
        inverted: bool = False,
    ):
        super().__init__(sensor, mirrored=mirrored, inverted=inverted)
        self.stream, self.decode, self.kernel = stream, decode, kernel
        self.word, self.most = word, most

    def chunks(self) -> Iterator[np.ndarray]:
        size = max(BLOCK_BYTES // self.most // self.word, 1) * self.word
        while block := self.stream.read(size):
            count, rest = divmod(len(block), self.word)
            events = self.events(block, count)
            self.account()
            self.damage.lost_bytes += rest
            if len(events):
                yield events

    def events(self, block: bytes, count: int) -> np.ndarray:
        """What `count` words hold."""
        kernels = library() if self.kernel else None
        if kernels is None:
            return self.decode(block, count, self.state)
        kernel, state = getattr(kernels, f"decode_{self.kernel}"), self.state.ctypes.data
        # One more than there may be: a kernel writes where the next event would stand.
        room = np.empty(kernel(block, count, state, None) + 1, EVENT)
        return room[: kernel(block, count, state, room.ctypes.data)]


def packed(
    state: np.ndarray, t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray
) -> np.ndarray:
    """Events from columns; those off the sensor are left out, and steps of time back counted."""
    inside = (x < state["width"]) & (y < state["height"])
    state["outside"] += len(t) - inside.sum()
    if not inside.all():
        t, x, y, p = (column[inside] for column in (t, x, y, p))
    events = np.empty(len(t), EVENT)
    events["t"], events["x"], events["y"], events["p"] = t, x, y, p
    if len(t):
        state["back"] += (events["t"][1:] < events["t"][:-1]).sum() + (
            events["t"][0] < state["last"]
        )
        state["last"] = events["t"][-1]
    return events


def epochs(high: np.ndarray, bits: int, state: np.ndarray) -> np.ndarray:
    """How often a counter of `bits` bits had begun anew at each of its values: whenever it fell by
    more than half of its range. Smaller steps back are steps back."""
    if not len(high):
        return high
    fell = np.diff(high, prepend=state["high"]) < -(1 << (bits - 1))
    epoch = state["epoch"] + np.cumsum(fell)
    state["high"], state["epoch"] = high[-1], epoch[-1]
    return epoch


def held(index: np.ndarray, values: np.ndarray, before: int, length: int) -> np.ndarray:
    """(length,) the value that was last set at each index, `before` where none was yet.

    Args:
        index: where a value is set, rising.
        values: what is set there.
    """
    steps = np.zeros(length, np.int64)
    steps[index] = 1
    return np.concatenate([[before], values])[np.cumsum(steps)]
