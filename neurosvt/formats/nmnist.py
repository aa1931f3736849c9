"""The binary files of N-MNIST and N-Caltech101: 5 bytes an event.

    x, y    a byte each        then, big-endian, 23 polarity (1 is ON), 22-0 time, microseconds

A record at y = 240 is no event: the time begins anew, 8,192 us later. There is no header, so that
such a file is known by what it lacks: anything that cannot be.

Source: Orchard et al., "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using
Saccades", 2015, and the reader published with it.
"""

import re
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.about import GUESS, About
from neurosvt.formats.evt2 import check
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import BLOCK_BYTES, Source, Words, packed

NAME = "nmnist"
ENDING = ".bin"
RECORD, OVERFLOW_Y, OVERFLOW_US = 5, 240, 1 << 13
_SENSOR = (34, 34)
_CAMERA = (304, 240)
"""Of the ATIS, whose whole view N-Caltech101 uses; a byte reaches to x = 255."""
_TIME_BITS = 23
FEWEST = 8
"""Records; of fewer, bytes of any kind rise by chance in one file of some hundreds."""


def recognises(stream: BinaryIO) -> bool:
    """Whole records, in the view of the camera, that are not all the same, and whose times nowhere
    step back; no text."""
    data = stream.read(BLOCK_BYTES // RECORD * RECORD)
    text = re.fullmatch(rb"[\t-\r -~]*", data[:64])
    if text or (len(data) % RECORD and not stream.read(1)):
        return False
    records = np.frombuffer(data, np.uint8, len(data) // RECORD * RECORD).reshape(-1, RECORD)
    if len(records) < FEWEST or (records == records[0]).all():
        return False
    t = _time(records)
    again = records[:, 1] == OVERFLOW_Y
    return bool((records[:, 1] <= OVERFLOW_Y).all() and (t[1:] >= t[:-1])[~again[1:]].all())


def _time(records: np.ndarray) -> np.ndarray:
    high, middle, low = records[:, 2:].astype(np.int64).T
    time: np.ndarray = (high & 0x7F) << 16 | middle << 8 | low
    return time


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events, on the sensor of N-MNIST if they fit on it."""
    start = stream.tell()
    largest = 0
    while block := stream.read(BLOCK_BYTES // RECORD * RECORD):
        positions = np.frombuffer(block, np.uint8, len(block) // RECORD * RECORD)
        positions = positions.reshape(-1, RECORD)[:, :2]
        largest = max(largest, positions[positions[:, 1] != OVERFLOW_Y].max(initial=0))
    stream.seek(start)
    about = About(sensor_from=GUESS)
    sensor = _SENSOR if largest < max(_SENSOR) else _CAMERA
    return Words(stream, decode, sensor, word=RECORD, about=about)


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """See `source.Decode`."""
    records = np.frombuffer(block, np.uint8, count * RECORD).reshape(-1, RECORD)
    again = records[:, 1] == OVERFLOW_Y
    t = _time(records) + OVERFLOW_US * (state["epoch"] + np.cumsum(again))
    state["epoch"] += again.sum()
    columns = t, records[:, 0], records[:, 1], records[:, 2] >> 7
    return packed(state, *(column[~again] for column in columns))


def write(stream: BinaryIO, source: Source) -> None:
    """Write events.

    Raises:
        UserError: an event that does not fit: a byte holds no more than 239 for y and 255 for x.
    """
    for events in source.upright():
        check(events, 256, _TIME_BITS)
        if len(events) and events["y"].max() >= OVERFLOW_Y:
            raise UserError(f"{NAME} holds rows 0 to 239, got an event at y {events['y'].max()}")
        t = events["t"]
        high = events["p"].astype(np.int64) << 7 | t >> 16
        columns = events["x"], events["y"], high, t >> 8 & 0xFF, t & 0xFF
        stream.write(np.stack([column.astype(np.uint8) for column in columns], 1).tobytes())
