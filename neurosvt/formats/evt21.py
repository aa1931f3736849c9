"""EVT 2.1, the vectorised form of EVT 2.0: words of 64 bits.

    63-60  0 OFF events, 1 ON events   59-54 time, low 6 bits   53-43 x    42-32 y
                                       31-0 which of the 32 pixels from x on
           8 time                      59-32 time, high 28 bits
           others: triggers and the camera's own, which are passed over

An IMX636 sends the upper half of each word first (`legacy`), a GenX320 the lower (`little`). Where
the header does not say which, the events decide, or else the camera is asked for.

Source: Prophesee, Metavision documentation, "EVT 2.1 format".
"""

import re
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.about import OPTION
from neurosvt.formats.evt2 import EVT2_TIME_BITS, EVT_SIDE, check, clock
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.prophesee import encoding, raw_header, read_header, stated_sensor
from neurosvt.formats.source import BLOCK_BYTES, Source, Words, packed

NAME = "evt2.1"
ENDING = ".raw"
CAMERAS = {"imx636": "legacy", "genx320": "little"}
"""Sensors, and the order in which they send the halves of words."""
_VECTOR = 32


def recognises(stream: BinaryIO) -> bool:
    """Whether the header states this encoding."""
    return encoding(read_header(stream)) == NAME


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: as `Source`; the order of halves is not known, or big-endian.
    """
    fields = read_header(stream)
    sensor, about = stated_sensor(fields)
    stated = f"{fields.get('format', '')};endianness={fields.get('endianness', '')}"
    found = re.search(r"endianness=(\w+)", stated)
    order = found[1].lower() if found else ""
    if not order and options.camera:
        if options.camera not in CAMERAS:
            raise UserError(f"EVT 2.1 comes from {' or '.join(CAMERAS)}, not {options.camera}")
        order, about.camera, about.camera_from = CAMERAS[options.camera], options.camera, OPTION
    order = order or _order_by_events(stream)
    if order not in CAMERAS.values():
        raise UserError(f"has words in the order {order!r}; little and legacy are read")
    kind = Halves if order == "legacy" else Words
    return kind(stream, decode, sensor, word=8, kernel="evt21", most=_VECTOR, about=about)


def _order_by_events(stream: BinaryIO) -> str:
    """The order in which the first words are words at all, and their times do not fall.

    Raises:
        UserError: it is both or neither.
    """
    start = stream.tell()
    data = stream.read(BLOCK_BYTES)
    stream.seek(start)
    words = np.frombuffer(data, "<u8", len(data) // 8)
    can_be = [
        order
        for order, each in (("little", words), ("legacy", _swapped(words)))
        if np.isin(each >> 60, (0, 1, 8, 10, 14, 15)).all()
        and not (np.diff((each[each >> 60 == 8] >> 32).astype(np.int64)) < 0).any()
        and (each >> 60 == 8).any()
    ]
    if len(can_be) != 1:
        raise UserError(
            "does not say in which order the halves of words stand: --camera imx636 or --camera "
            "genx320"
        )
    return can_be[0]


def _swapped(words: np.ndarray) -> np.ndarray:
    swapped: np.ndarray = words << np.uint64(32) | words >> np.uint64(32)
    return swapped


class Halves(Words):
    """Words whose upper half stands first."""

    def events(self, block: bytes, count: int) -> np.ndarray:
        words = np.frombuffer(block, "<u8", count)
        return super().events(_swapped(words).astype("<u8").tobytes(), count)


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; see `source.Decode`."""
    words = np.frombuffer(block, "<u8", count)
    kind = (words >> 60).astype(np.int64)
    at, vectors = np.flatnonzero(kind == 8), np.flatnonzero(kind <= 1)
    high = (words[at] >> 32 & 0xFFFFFFF).astype(np.int64)
    time, timed = clock(at, high, count, state)
    of, bit = lit_pixels(vectors, words[vectors].astype("<u4"), timed, state)
    rest = words[of].view(np.int64)
    t = time[of] | rest >> 54 & 0x3F
    return packed(state, t, (rest >> 43 & 0x7FF) + bit, rest >> 32 & 0x7FF, kind[of] == 1)


def lit_pixels(
    at: np.ndarray, masks: np.ndarray, timed: np.ndarray, state: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Events of words that say which of the next pixels have one; those without a time are counted.

    Args:
        at: these words.
        masks: a bit a pixel, of an unsigned type, little-endian.
        timed: whether there is a time yet, at every word.
        state: carried on.

    Returns:
        For each event its word, and how many pixels behind the first it lies.
    """
    spread = masks.view(np.uint8).reshape(-1, masks.itemsize)
    which, bit = np.nonzero(np.unpackbits(spread, axis=1, bitorder="little"))
    of = at[which]
    keep = timed[of]
    state["untimed"] += len(keep) - keep.sum()
    return of[keep], bit[keep]


def write(stream: BinaryIO, source: Source) -> None:
    """Write events; neighbours of one row, time and polarity share a word.

    Raises:
        UserError: an event at 2048 pixels or beyond, or a time outside 34 bits.
    """
    stream.write(raw_header(NAME, source.sensor, "endianness little"))
    before = -1
    for events in source.upright():
        check(events, EVT_SIDE, EVT2_TIME_BITS)
        first, bits = vectors(events, _VECTOR)
        head = events[first]
        high = head["t"] >> 6
        fresh = np.flatnonzero(np.diff(high, prepend=before))
        before = int(high[-1])
        words = (
            head["p"].astype(np.uint64) << 60
            | (head["t"] & 0x3F).astype(np.uint64) << 54
            | (head["x"] // _VECTOR * _VECTOR).astype(np.uint64) << 43
            | head["y"].astype(np.uint64) << 32
            | bits.astype(np.uint64)
        )
        times = np.uint64(8) << np.uint64(60) | high[fresh].astype(np.uint64) << np.uint64(32)
        stream.write(np.insert(words, fresh, times).astype("<u8").tobytes())


def vectors(events: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Events that can share a vector of `length` pixels, in the order of the file.

    Returns:
        The index of the first event of every vector, and the bits of its pixels.
    """
    x = events["x"].astype(np.int64)
    start = np.ones(len(events), bool)
    start[1:] = (x[1:] <= x[:-1]) | (x[1:] // length != x[:-1] // length)
    for name in ("t", "y", "p"):
        start[1:] |= events[name][1:] != events[name][:-1]
    first = np.flatnonzero(start)
    bits = np.bitwise_or.reduceat(np.int64(1) << x % length, first)
    return first, bits


def long_vectors(events: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `vectors`, where a vector takes a word more than an event: fewer than three stay alone.

    Returns:
        The index of the first event of every vector and of every event alone, which of them are
        vectors, and the bits of their pixels.
    """
    first, bits = vectors(events, length)
    size = np.diff(first, append=len(events))
    alone = np.repeat(size < 3, size)
    shared = np.zeros(len(events), np.int64)
    shared[first] = bits
    begins = alone.copy()
    begins[first] = True
    starts = np.flatnonzero(begins)
    return starts, ~alone[starts], shared[starts]
