"""An event file as it is read: in pieces of bounded size, with an account of what was damaged.

Every format is a file of this folder with

    NAME, ENDING            what people call it, and what its files' names end in
    MAGIC                   what its files begin with, where that is always the same
    recognises(stream)      whether a file begins like one
    decode(...)             the definition of its decoder, where there is a kernel (`Decode`)
    open_source(stream, options)  a `Source`, which says what it read and what it guessed (`About`)
    write(stream, source)   where it can be written

What is guessed is told apart from what is read. What cannot be is refused in one line; what is cut
short gives what was whole before the cut, and the bytes that were lost are counted.

Units: t microseconds, x to the right and y down in pixels, as `events.recording`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats.about import GUESS, OPTION, About, Extent, odd_rate
from neurosvt.formats.damage import LONG_FALL_US, LONG_GAP_US, Damage
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.native import library

BLOCK_BYTES = 1 << 20
"""Bytes that are read at once."""
LARGEST = 1 << 16
"""A sensor of unknown size has fewer pixels per side than this."""

STATE = np.dtype([
    (name, np.int64)
    for name in (
        "width", "height", "last", "back", "outside", "untimed", "timed", "high", "epoch", "time",
        "clock", "y", "base", "polarity", "x_bits", "y_bits", "skip", "left", "whole", "bad",
        "gap", "fall",
    )
])  # fmt: skip
"""What a decoder carries from one block to the next; `State` in native/decode.cpp."""
_NEVER = np.iinfo(np.int64).min

SensorSize = tuple[int, int]
"""Width and height, pixels."""


class Source(ABC):
    """An event file, from its beginning to its end, once.

    Args:
        sensor: None where the file does not state it.
        mirrored: both axes are stored from the right and the bottom.
        inverted: 1 stands for OFF.
        about: who said what; by default the file states its sensor, and its format the unit.
    """

    def __init__(
        self,
        sensor: SensorSize | None,
        *,
        mirrored: bool = False,
        inverted: bool = False,
        about: About | None = None,
    ):
        self.mirrored, self.inverted = mirrored, inverted
        self.about = about or About()
        self.damage = Damage()
        self.state = np.zeros((), STATE)
        self.state["last"] = _NEVER
        self.state["width"], self.state["height"] = LARGEST, LARGEST
        self.sensor: SensorSize | None = None
        """As the file or an option states it."""
        self.bounds = (LARGEST, LARGEST)
        """`sensor`, or what was taken for it; events beyond are left out."""
        self.options = AS_STATED
        self.count, self.first_us = 0, 0
        if sensor:
            self.on_sensor(sensor, self.about.sensor_from)
        self.on_events: Callable[[int], None] = lambda count: None
        """Told how many more events `upright` gave."""

    def on_sensor(self, sensor: SensorSize, said_by: str) -> None:
        """Take a sensor, before anything is read.

        Raises:
            UserError: one that is none.
        """
        if not all(1 <= side < LARGEST for side in sensor):
            raise UserError(f"states a sensor of {sensor[0]} x {sensor[1]} pixels")
        self.sensor = None if said_by == GUESS else sensor
        self.bounds, self.about.sensor_from = sensor, said_by
        self.state["width"], self.state["height"] = sensor

    def use(self, options: ReadOptions) -> None:
        """Read as these options say, from the beginning on.

        Raises:
            UserError: an option that this file leaves nothing to decide for.
        """
        about = self.about
        if options.camera and about.camera_from != OPTION:
            has = f"is of {about.camera}" if about.camera else "names no camera"
            raise UserError(f"{has}: leave out --camera {options.camera}")
        if options.unit and about.unit_from != OPTION:
            raise UserError(f"has times in {about.unit}: leave out --unit {options.unit}")
        if options.sensor and self.mirrored and options.sensor != self.sensor:
            raise UserError("counts pixels from the far end: name its --camera, not its --sensor")
        if options.sensor:
            self.on_sensor(options.sensor, OPTION)
        elif self.bounds == (LARGEST, LARGEST):
            self.on_sensor(self.surveyed(), GUESS)
        self.options = options

    def surveyed(self) -> SensorSize:
        """The sensor that its events need, by reading them through."""
        found, before, damage = Extent(), self.state.copy(), deepcopy(self.damage)
        self.state["width"], self.state["height"] = LARGEST, LARGEST
        for events in self.chunks():
            found.add(events)
        self.state[()] = before
        self.damage = damage
        self.rewind()
        return found.sensor()

    @abstractmethod
    def rewind(self) -> None:
        """Back to the first event."""

    @abstractmethod
    def chunks(self) -> Iterator[np.ndarray]:
        """Its events (n,) of dtype `EVENT`, in the order and orientation of the file."""

    def stored(self) -> Iterator[np.ndarray]:
        """Those of them that its options leave, some in each chunk."""
        for events in self.options.chosen(self.chunks()):
            self.first_us = self.first_us if self.count else int(events["t"][0])
            self.count += len(events)
            yield events

    def upright(self) -> Iterator[np.ndarray]:
        """The same with x to the right, y down, and p True for ON."""
        for events in self.stored():
            if self.mirrored and self.sensor:
                for axis, side in zip(("x", "y"), self.sensor, strict=True):
                    events[axis] = side - 1 - events[axis]
            if self.inverted:
                events["p"] = ~events["p"]
            self.on_events(len(events))
            yield events

    def account(self) -> None:
        """What the decoder counted."""
        damage, state = self.damage, self.state
        damage.time_steps_back = int(state["back"])
        damage.off_sensor = int(state["outside"])
        damage.untimed = int(state["untimed"])
        damage.longest_gap_us = int(state["gap"]) if state["gap"] > LONG_GAP_US else 0
        damage.longest_fall_us = int(state["fall"]) if state["fall"] > LONG_FALL_US else 0

    def warnings(self) -> list[str]:
        """What was guessed, damaged, or cannot well be, a line each; whole when all is read."""
        off = "far beyond the others" if self.about.sensor_from == GUESS else "off the sensor"
        lines = self.about.guesses(self.bounds) + self.damage.lines(off)
        if self.about.unit_from == GUESS and not self.damage.longest_gap_us:
            span = int(self.state["last"]) - self.first_us if self.count else 0
            lines += filter(None, [odd_rate(self.count, span, self.about.unit)])
        return lines

    def refuse_empty(self) -> None:
        """Once all is read.

        Raises:
            UserError: nothing was.
        """
        if not self.count:
            chosen = self.options.from_ is not None or self.options.to is not None
            what = "holds no events" + (" between --from and --to" if chosen else "")
            raise UserError("; ".join([what, *self.damage.lines()]))


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
        about: About | None = None,
    ):
        super().__init__(sensor, mirrored=mirrored, inverted=inverted, about=about)
        self.stream, self.decode, self.kernel = stream, decode, kernel
        self.word, self.most, self.start = word, most, stream.tell()

    def rewind(self) -> None:
        self.stream.seek(self.start)

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
        return decoded_words(self.decode, self.kernel, block, count, self.state)


def decoded_words(
    decode: Decode, kernel: str | None, block: bytes, count: int, state: np.ndarray
) -> np.ndarray:
    """What `count` words of a block hold, by the kernel of a decoder if there is one."""
    kernels = library() if kernel else None
    if kernels is None:
        return decode(block, count, state)
    native, carried = getattr(kernels, f"decode_{kernel}"), state.ctypes.data
    # One more than there may be: a kernel writes where the next event would stand.
    room = np.empty(native(block, count, carried, None) + 1, EVENT)
    return room[: native(block, count, carried, room.ctypes.data)]


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
    note_times(state, events["t"])
    return events


def note_times(state: np.ndarray, t: np.ndarray) -> None:
    """Count the steps of time back of further events (n,), and keep the longest either way."""
    if not len(t):
        return
    before = t[0] if state["last"] == _NEVER else state["last"]
    # A damaged file may hold any number: the difference of two has to be one as well.
    steps = np.diff(np.clip(np.insert(t, 0, before), -(2**61), 2**61))
    state["back"] += (steps < 0).sum()
    state["gap"] = max(state["gap"], steps.max())
    state["fall"] = max(state["fall"], -steps.min())
    state["last"] = t[-1]


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
