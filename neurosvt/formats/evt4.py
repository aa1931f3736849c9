"""EVT 4.0, Prophesee's format since OpenEB 4.5: words of 32 bits.

    31-28  10 OFF event, 11 ON event    27-22 time, low 6 bits    21-11 x    10-0 y
           12, 13 the same of a row: the next word says which of the 32 pixels from x on
           14 time                      27-0 time, high 28 bits
           others: triggers, the camera's own, and padding, which are passed over

Source: OpenEB, the types of events of this format.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from neurosvt.formats.evt2 import EVT2_TIME_BITS, EVT_SIDE, check, clock
from neurosvt.formats.evt21 import lit_pixels, long_vectors
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.prophesee import encoding, raw_header, read_header, stated_sensor
from neurosvt.formats.source import Source, Words, packed

NAME = "evt4"
ENDING = ".raw"
_VECTOR = 32


def recognises(stream: BinaryIO) -> bool:
    """Whether the header states this encoding."""
    return encoding(read_header(stream)) == NAME


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events; errors as `Source`."""
    sensor, about = stated_sensor(read_header(stream))
    return Pairs(stream, decode, sensor, word=4, most=_VECTOR, about=about)


class Pairs(Words):
    """Words of which some belong to the one before: a pair that a block would part stays whole."""

    def chunks(self) -> Iterator[np.ndarray]:
        self.state["left"] = 0
        yield from super().chunks()
        self.damage.lost_bytes += 4 * int(self.state["left"] > 0)


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; see `source.Decode`. A first half is kept in `left` for the next block."""
    words = np.frombuffer(block, "<u4", count).astype(np.int64)
    if state["left"]:
        words = np.concatenate([[state["left"]], words])
    kind, pixels = words >> 28, _second_halves(words >> 29 == 6)
    first = (kind >> 1 == 6) & ~pixels
    state["left"] = words[-1] if len(words) and first[-1] else 0
    first[-1:] = False
    single = (kind >> 1 == 5) & ~pixels
    at = np.flatnonzero((kind == 14) & ~pixels)
    time, timed = clock(at, words[at] & 0xFFFFFFF, len(words), state)
    emits = np.flatnonzero(single | first)
    row = first[emits]
    valid = np.where(row, words[np.minimum(emits + 1, len(words) - 1)], 1).astype("<u4")
    of, bit = lit_pixels(emits, valid, timed, state)
    head = words[of]
    t = time[of] | head >> 22 & 0x3F
    return packed(state, t, (head >> 11 & 0x7FF) + bit, head & 0x7FF, kind[of] & 1 == 1)


def _second_halves(like_first: np.ndarray) -> np.ndarray:
    """Which words are second halves: every other one of a run of words like first halves, and the
    word after a run of odd length."""
    index = np.arange(len(like_first))
    before = np.concatenate([[False], like_first[:-1]])
    begun = np.maximum.accumulate(np.where(like_first & ~before, index, -1))
    second: np.ndarray = before & ((index - begun) % 2 == 1)
    return second


def write(stream: BinaryIO, source: Source) -> None:
    """Write events; three and more neighbours of one row, time and polarity share two words.

    Raises:
        UserError: an event at 2048 pixels or beyond, or a time outside 34 bits.
    """
    stream.write(raw_header(NAME, source.sensor))
    before = -1
    for events in source.upright():
        check(events, EVT_SIDE, EVT2_TIME_BITS)
        starts, row, bits = long_vectors(events, _VECTOR)
        head = events[starts]
        high = head["t"] >> 6
        x = np.where(row, head["x"] // _VECTOR * _VECTOR, head["x"]).astype(np.int64)
        kind = np.where(row, 12, 10) + head["p"]
        words = np.zeros((len(starts), 3), np.int64)
        words[:, 0] = 14 << 28 | high
        words[:, 1] = kind << 28 | (head["t"] & 0x3F) << 22 | x << 11 | head["y"]
        words[:, 2] = bits
        there = np.ones(words.shape, bool)
        there[:, 0], there[:, 2] = np.diff(high, prepend=before) != 0, row
        before = int(high[-1])
        stream.write(words[there].astype("<u4").tobytes())
