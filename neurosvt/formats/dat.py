"""DAT, Prophesee's format of decoded events: 8 bytes an event, time and address, little-endian.

    time    32 bits, microseconds
    address version 2: 13-0 x, 27-14 y, 28 polarity     version 1: 8-0 x, 16-9 y, 17 polarity

A header of lines with a per cent sign is followed by the type and the size of an event, a byte
each.

Source: Prophesee, Metavision documentation, "DAT file format".
"""

from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.evt2 import check
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.prophesee import encoding, read_header, stated_sensor
from neurosvt.formats.source import Source, Words, epochs, packed

NAME = "dat"
ENDING = ".dat"
_TYPES = (0x00, 0x0C)
"""Of events with x, y and polarity."""
_SIDE, _TIME_BITS = 1 << 14, 32


def recognises(stream: BinaryIO) -> bool:
    """A header that states no raw encoding, then a type and a size that can be."""
    fields = read_header(stream)
    start = stream.read(2)
    return bool(fields) and not encoding(fields) and len(start) == 2 and start[1] == 8


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events; errors as `Source`, and for events of another kind."""
    fields = read_header(stream)
    kind = stream.read(2)[0]
    if kind not in _TYPES:
        raise UserError(f"holds records of type {kind}, not events")
    sensor, about = stated_sensor(fields)
    source = Words(stream, decode, sensor, word=8, kernel="dat", about=about)
    old = fields.get("version", "1").split()[:1] == ["1"]
    source.state["x_bits"], source.state["y_bits"] = (9, 8) if old else (14, 14)
    return source


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; see `source.Decode`."""
    time, address = np.frombuffer(block, "<u4", 2 * count).reshape(-1, 2).astype(np.int64).T
    t = epochs(time, 32, state) << 32 | time
    x_bits, y_bits = state["x_bits"], state["y_bits"]
    x, y = address & (1 << x_bits) - 1, address >> x_bits & (1 << y_bits) - 1
    return packed(state, t, x, y, address >> x_bits + y_bits & 1)


def write(stream: BinaryIO, source: Source) -> None:
    """Write events as version 2.

    Raises:
        UserError: an event at 16384 pixels or beyond, or a time outside 32 bits.
    """
    lines = ["Data file containing CD events.", "Version 2"]
    if source.sensor:
        lines += [f"Width {source.sensor[0]}", f"Height {source.sensor[1]}"]
    stream.write("".join(f"% {line}\n" for line in lines).encode() + bytes([0x0C, 8]))
    for events in source.upright():
        check(events, _SIDE, _TIME_BITS)
        address = events["x"].astype("<u4") | events["y"].astype("<u4") << 14
        address |= events["p"].astype("<u4") << 28
        columns = np.stack([events["t"].astype("<u4"), address], 1)
        stream.write(columns.tobytes())
