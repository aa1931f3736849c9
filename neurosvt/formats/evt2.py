"""EVT 2.0, the raw format of Prophesee's third sensor generation: words of 32 bits.

    31-28  0 OFF event, 1 ON event    27-22 time, low 6 bits    21-11 x    10-0 y
           8 time                     27-0 time, high 28 bits
           others: triggers and the camera's own, which are passed over

Source: Prophesee, Metavision documentation, "EVT 2.0 format".
"""

from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.prophesee import encoding, raw_header, read_header, stated_sensor
from neurosvt.formats.source import Source, Words, epochs, held, packed

NAME = "evt2"
ENDING = ".raw"
EVT_SIDE, EVT2_TIME_BITS = 1 << 11, 34


def recognises(stream: BinaryIO) -> bool:
    """Whether the header states this encoding."""
    return encoding(read_header(stream)) == NAME


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events; errors as `Source`."""
    sensor, about = stated_sensor(read_header(stream))
    return Words(stream, decode, sensor, word=4, kernel="evt2", about=about)


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; see `source.Decode`."""
    words = np.frombuffer(block, "<u4", count).astype(np.int64)
    kind = words >> 28
    at, is_event = np.flatnonzero(kind == 8), kind <= 1
    time, timed = clock(at, words[at] & 0xFFFFFFF, count, state)
    state["untimed"] += (is_event & ~timed).sum()
    kept = is_event & timed
    words, time = words[kept], time[kept]
    t = time | words >> 22 & 0x3F
    return packed(state, t, words >> 11 & 0x7FF, words & 0x7FF, words >> 28 == 1)


def clock(
    at: np.ndarray, high: np.ndarray, count: int, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The high bits of the time at each of `count` words, and whether there is a time yet.

    Args:
        at: words that set them.
        high: what these set, 28 bits.
        count: words.
        state: carried on.
    """
    times = epochs(high, 28, state) << 34 | high << 6
    time = held(at, times, int(state["time"]), count)
    timed = held(at, np.ones(len(at), np.int64), int(state["timed"]), count) > 0
    if len(at):
        state["time"], state["timed"] = times[-1], 1
    return time, timed


def write(stream: BinaryIO, source: Source) -> None:
    """Write events; a time word comes before each change of the high bits.

    Raises:
        UserError: an event at 2048 pixels or beyond, or a time outside 34 bits.
    """
    stream.write(raw_header(NAME, source.sensor))
    before = -1
    for events in source.upright():
        check(events, EVT_SIDE, EVT2_TIME_BITS)
        high = events["t"] >> 6
        fresh = np.flatnonzero(np.diff(high, prepend=before))
        before = int(high[-1])
        words = (
            events["p"].astype(np.uint32) << 28
            | (events["t"] & 0x3F).astype(np.uint32) << 22
            | events["x"].astype(np.uint32) << 11
            | events["y"].astype(np.uint32)
        )
        times = (8 << 28 | high[fresh]).astype(np.uint32)
        stream.write(np.insert(words, fresh, times).astype("<u4").tobytes())


def check(events: np.ndarray, side: int, time_bits: int) -> None:
    """Refuse what a format has no bits for.

    Raises:
        UserError: names the first event that does not fit.
    """
    assert events.dtype == EVENT
    wrong = (events["x"] >= side) | (events["y"] >= side)
    wrong |= (events["t"] < 0) | (events["t"] >= 1 << time_bits)
    if wrong.any():
        t, x, y, _ = events[wrong.argmax()].item()
        late = events["t"].max() >= 1 << time_bits
        raise UserError(
            f"an event at x {x}, y {y}, {t} us does not fit: this format has {side} pixels a side "
            f"and times from 0 to 2^{time_bits} us" + "; --rebase lets them begin at 0" * bool(late)
        )
