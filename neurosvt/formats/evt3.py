"""EVT 3.0, the raw format of Prophesee's fourth sensor generation: words of 16 bits.

    15-12  0 row: 10-0 y                    2 event: 11 polarity, 10-0 x
           3 vector base: 11 polarity, 10-0 x
           4 vector of 12, 5 of 8: which of the next pixels; the base moves on
           6 time, low 12 bits              8 time, high 12 bits
           others: triggers and the camera's own, which are passed over

The clock of 24 bits begins anew every 16.8 s: where its high part falls by more than half of its
range. Cameras also step back by a few microseconds; then the time before is kept, and the step
counted, so that times never fall.

Source: Prophesee, Metavision documentation, "EVT 3.0 format".
"""

from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.evt2 import EVT_SIDE, check
from neurosvt.formats.evt21 import lit_pixels, long_vectors
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.prophesee import encoding, raw_header, read_header, stated_sensor
from neurosvt.formats.source import Source, Words, epochs, held, packed

NAME = "evt3"
ENDING = ".raw"
_VECTOR = 12
_TIME_BITS = 36
"""Of the times that are written: 4,096 turns of the clock."""


def recognises(stream: BinaryIO) -> bool:
    """Whether the header states this encoding."""
    return encoding(read_header(stream)) == NAME


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events; errors as `Source`."""
    sensor, about = stated_sensor(read_header(stream))
    return Words(stream, decode, sensor, word=2, kernel="evt3", most=_VECTOR, about=about)


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; see `source.Decode`."""
    words = np.frombuffer(block, "<u2", count).astype(np.int64)
    kind, low, value = words >> 12, words & 0xFFF, words & 0x7FF
    rows = np.flatnonzero(kind == 0)
    y = held(rows, value[rows], int(state["y"]), count)
    time, timed = _clock(kind, low, state)
    x, polarity = _places(kind, value, words >> 11 & 1, state)
    emits = np.flatnonzero((kind == 2) | (kind == 4) | (kind == 5))
    bits = np.where(kind == 2, 1, np.where(kind == 4, low, low & 0xFF))[emits].astype("<u2")
    of, bit = lit_pixels(emits, bits, timed, state)
    if len(rows):
        state["y"] = value[rows[-1]]
    return packed(state, time[of], x[of] + bit, y[of], polarity[of])


def _clock(kind: np.ndarray, low: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The time at each word, and whether there is one yet."""
    begun = int(state["timed"])
    is_high = kind == 8
    at = np.flatnonzero(is_high)
    before = int(state["high"] | state["epoch"] << 12)
    highs = low[at]
    highs = highs | epochs(highs, 12, state) << 12
    timed = held(at, np.ones(len(at), np.int64), begun, len(kind)) > 0
    high = held(at, highs, before, len(kind))
    ticks = np.flatnonzero(timed & (is_high | (kind == 6)))
    candidates = high[ticks] << 12 | np.where(is_high[ticks], 0, low[ticks])
    never = np.iinfo(np.int64).min
    start, clock = (int(state[name]) if begun else never for name in ("time", "clock"))
    times = np.maximum.accumulate(np.concatenate([[start], candidates]))
    # A low time steps back from the one before, or from a high time that came since.
    lows = np.flatnonzero(~is_high[ticks])
    since = np.maximum.reduceat(np.concatenate([[clock], candidates]), [0, *(lows + 1)])
    state["back"] += (candidates[lows] < since[:-1]).sum()
    if len(ticks):
        state["time"], state["clock"], state["timed"] = times[-1], since[-1], 1
    return held(ticks, times[1:], int(times[0]), len(kind)), timed


def _places(
    kind: np.ndarray, value: np.ndarray, bit: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first x of each word that holds events, and their polarity."""
    bases = np.flatnonzero(kind == 3)
    moved = np.cumsum(np.where(kind == 4, 12, 0) + np.where(kind == 5, 8, 0))
    behind = np.concatenate([[0], moved[:-1]])  # before each word
    base = held(bases, value[bases] - behind[bases], int(state["base"]), len(kind)) + behind
    polarity = held(bases, bit[bases], int(state["polarity"]), len(kind))
    if len(kind):
        state["base"], state["polarity"] = base[-1] + moved[-1] - behind[-1], polarity[-1]
    single = kind == 2
    return np.where(single, value, base), np.where(single, bit, polarity)


def write(stream: BinaryIO, source: Source) -> None:
    """Write events; three and more neighbours of one row, time and polarity become a vector.

    Raises:
        UserError: an event at 2048 pixels or beyond, or a time that falls or exceeds 36 bits.
    """
    stream.write(raw_header(NAME, source.sensor))
    before = row = -1
    last = 0
    for events in source.upright():
        check(events, EVT_SIDE, _TIME_BITS)
        if (np.diff(events["t"], prepend=last) < 0).any():
            raise UserError(f"{NAME} cannot hold times that step back; sort the events by time")
        starts, is_vector, bits = long_vectors(events, _VECTOR)
        head = events[starts]
        # Five words at most for what begins at an event: time, time, row, base or event, vector.
        words = np.zeros((len(starts), 5), np.int64)
        there = np.zeros(words.shape, bool)
        high, low = head["t"] >> 12, head["t"] & 0xFFF
        x, p = head["x"].astype(np.int64), head["p"].astype(np.int64)
        turns = np.diff(high, prepend=before) != 0
        words[:, 0], there[:, 0] = 8 << 12 | high & 0xFFF, turns
        words[:, 1] = 6 << 12 | low
        there[:, 1] = np.diff(head["t"], prepend=-1 if before < 0 else last) != 0
        words[:, 2] = head["y"]
        there[:, 2] = np.diff(head["y"].astype(np.int64), prepend=row) != 0
        base = x // _VECTOR * _VECTOR
        words[:, 3] = np.where(is_vector, 3 << 12 | p << 11 | base, 2 << 12 | p << 11 | x)
        there[:, 3] = True
        words[:, 4], there[:, 4] = 4 << 12 | bits, is_vector
        parts, done = [], 0
        for turn in np.flatnonzero(turns):
            gap = _turns(before, int(high[turn]))
            if gap:  # the clock has to be seen to begin anew
                parts += [words[done:turn][there[done:turn]], np.array(gap)]
                done = int(turn)
            before = int(high[turn])
        parts.append(words[done:][there[done:]])
        stream.write(np.concatenate(parts).astype("<u2").tobytes())
        row, last = int(head["y"][-1]), int(events["t"][-1])


def _turns(before: int, after: int) -> list[int]:
    """Words for a clock to pass all its beginnings between two high times."""
    words: list[int] = []
    before = max(before, 0)
    for _ in range((after >> 12) - (before >> 12)):
        words += [8 << 12 | 0xFFF, 8 << 12]
    return words
