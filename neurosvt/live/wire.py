"""Events on a wire: what standard input and UDP carry.

A record is 13 bytes, little endian, without padding:

    int64 t (microseconds) · uint16 x · uint16 y (pixels, right and down) · uint8 p (1 ON, 0 OFF)

`events.tobytes()` of an array of dtype `EVENT` is just that. A datagram holds whole records. Text
is a line an event, `t x y p`, between which are blanks or commas; lines that begin with # and a
first line of names are passed over.

What is malformed is left out and counted: nothing that comes over a wire stops the reader.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neurosvt.events.recording import EVENT
from neurosvt.formats.source import SensorSize

RECORD = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
"""An event on the wire."""
LONGEST_LINE = 256
"""Bytes; a longer line of text is none."""
LATEST_US = 2**62
"""Times beyond this, either way, are no times."""


@dataclass
class Malformed:
    """What came and was no event."""

    records: int = 0
    """Off the sensor, with a polarity that is neither 0 nor 1, or at no possible time."""
    lines: int = 0
    """Of text, that hold no event."""
    datagrams: int = 0
    """Of no whole number of records."""
    lost_bytes: int = 0
    """At the end, after the last whole record or line."""
    told: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """Records, lines, datagrams and cut ends."""
        return self.records + self.lines + self.datagrams + bool(self.lost_bytes)

    def news(self) -> list[str]:
        """A line for each kind that has come for the first time since this was last asked."""
        kinds = {
            "an event off the sensor, or with an impossible time or polarity": self.records,
            "a line of text that is no event `t x y p`": self.lines,
            f"a datagram that is not of whole records of {RECORD.itemsize} bytes": self.datagrams,
            "the stream ends within an event": self.lost_bytes,
        }
        fresh = [what for what, count in kinds.items() if count and what not in self.told]
        self.told.update(fresh)
        return [f"left out, and counted from now on: {what}" for what in fresh]


def decode_records(data: bytes, sensor: SensorSize, malformed: Malformed) -> np.ndarray:
    """The events (n,) of whole records; those that cannot be are counted.

    Args:
        data: a multiple of 13 bytes.
        sensor: width and height, pixels.
        malformed: counts.
    """
    records = np.frombuffer(data, RECORD)
    return _sound([records[name] for name in ("t", "x", "y", "p")], sensor, malformed)


def _sound(columns: Sequence[np.ndarray], sensor: SensorSize, malformed: Malformed) -> np.ndarray:
    """The events of columns t, x, y, p, without those that cannot be."""
    t, x, y, p = columns
    sound = (x >= 0) & (x < sensor[0]) & (y >= 0) & (y < sensor[1]) & (p >= 0) & (p <= 1)
    sound &= (t >= -LATEST_US) & (t <= LATEST_US)
    malformed.records += len(t) - int(sound.sum())
    events = np.empty(int(sound.sum()), EVENT)
    events["t"], events["x"], events["y"], events["p"] = t[sound], x[sound], y[sound], p[sound]
    return events


class WireDecoder:
    """Turns bytes, in whatever pieces they come, into events.

    Text or records is told by the first eight bytes: in a record, the eighth is the highest of its
    time, and prints as nothing.

    Args:
        sensor: width and height, pixels; events beyond are malformed.
    """

    def __init__(self, sensor: SensorSize):
        self.sensor, self.malformed = sensor, Malformed()
        self._rest, self._first_line = b"", True
        self._text: bool | None = None

    def feed(self, data: bytes, last: bool = False) -> np.ndarray:
        """The events (n,) of dtype `EVENT` that are whole by now.

        Args:
            data: what came.
            last: nothing more will.
        """
        data = self._rest + data
        if self._text is None:
            if len(data) < 8 and not last:
                self._rest = data
                return np.empty(0, EVENT)
            self._text = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data[:8])
        if self._text:
            return self._lines(data, last)
        whole = len(data) - len(data) % RECORD.itemsize
        self._rest = data[whole:]
        if last:
            self.malformed.lost_bytes += len(self._rest)
        return decode_records(data[:whole], self.sensor, self.malformed)

    def _lines(self, data: bytes, last: bool) -> np.ndarray:
        *lines, self._rest = data.split(b"\n")
        if last and self._rest.strip():
            lines.append(self._rest)  # a last line without its end is whole if it can be read
        elif len(self._rest) > LONGEST_LINE:  # no end in sight: what is kept stays bounded
            self._rest = self._rest[:LONGEST_LINE]
        found = [numbers for line in lines if (numbers := self._numbers(line)) is not None]
        columns = np.array(found, np.int64).reshape(-1, 4).T
        return _sound(list(columns), self.sensor, self.malformed)

    def _numbers(self, line: bytes) -> list[int] | None:
        first, self._first_line = self._first_line, False
        words = line.replace(b",", b" ").split()
        if not words or words[0].startswith(b"#"):
            return None
        try:
            numbers = [int(word) for word in words]
            if (
                len(numbers) == 4
                and len(line) < LONGEST_LINE
                and abs(max(numbers, key=abs)) < 2**63
            ):
                return numbers
        except ValueError:
            if first and all(word[:1].isalpha() for word in words):
                return None  # the names of the columns
        self.malformed.lines += 1
        return None
