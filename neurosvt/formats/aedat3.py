"""AEDAT 3.1, the format of cAER and of the DVS128 Gesture recordings: packets of events.

A packet has a header of 28 bytes, little-endian (type, source, size of an event, offset of its
time, overflows of the clock, capacity, number, number valid), then its events. Those of type 1:

    32 bits    31-17 x, 16-2 y, 1 polarity, 0 valid
    32 bits    time, microseconds, 31 bits; the packet's overflows count above them

Where all events of a packet count as valid, every one is kept, whatever its own bit says: there are
writers that never set it.

Source: iniVation, "AEDAT file formats", section AEDAT 3.1.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats.aedat2 import CHIPS
from neurosvt.formats.evt2 import check
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import BLOCK_BYTES, SensorSize, Source, Words, packed

NAME = "aedat3"
ENDING = ".aedat"
MAGIC, _END = b"#!AER-DAT3.1", b"#!END-HEADER"
HEAD = struct.Struct("<hhiiiiii")
POLARITY = 1
_SIDE, _TIME_BITS = 1 << 15, 62
PACKET = 1 << 12
"""Events of a packet that we write."""


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as AEDAT 3.1 does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: a header that does not end, or packets that are compressed.
    """
    sensor: SensorSize | None = None
    while True:
        line = stream.readline(BLOCK_BYTES)
        if not line.startswith(b"#") or not line.endswith(b"\n"):
            raise UserError("its header does not end")
        if line.startswith(_END):
            break
        name, _, value = line[1:].decode("latin-1").partition(":")
        if name == "Format" and value.strip() != "RAW":
            raise UserError(f"holds packets in the form {value.strip()}; only RAW is read")
        if name.startswith("Source"):
            found = (size for camera, size in CHIPS if camera in value.lower())
            sensor = next(found, sensor)
    return Packets(stream, decode, sensor, word=8, kernel="aedat3")


class Packets(Words):
    """Its packets, in blocks that need not end where they do."""

    def chunks(self) -> Iterator[np.ndarray]:
        rest = b""
        while block := self.stream.read(BLOCK_BYTES):
            block = rest + block
            events = self.events(block, len(block))
            self.account()
            rest = block[int(self.state["whole"]) :]
            if len(events):
                yield events
            if self.state["bad"]:
                self.damage.notes.append("a packet's header cannot be; what follows was not read")
                break
        if self.state["left"]:
            self.damage.notes.append(f"its last packet lacks {int(self.state['left']):,} bytes")
        self.damage.lost_bytes += len(rest)
        while block := self.stream.read(BLOCK_BYTES):
            self.damage.lost_bytes += len(block)


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; `count` are bytes, and how many were used is left in `whole`."""
    at, found = 0, [np.empty(0, EVENT)]
    while not state["bad"]:
        if not state["left"]:
            if at + HEAD.size > count:
                break
            kind, _, size, offset, overflow, capacity, number, valid = HEAD.unpack_from(block, at)
            state["bad"] = not (
                kind >= 0 and size > 0 and 0 <= offset < size and overflow >= 0
                and 0 <= valid <= number <= capacity
                and (kind != POLARITY or (size, offset) == (8, 4))
            )  # fmt: skip
            if state["bad"]:
                break
            at += HEAD.size
            state["skip"] = 0 if kind == POLARITY else size * number
            state["left"] = size * number
            state["epoch"], state["polarity"] = overflow, valid == number
        elif state["skip"]:
            step = min(int(state["skip"]), count - at)
            at += step
            state["skip"] -= step
            state["left"] -= step
            if state["left"]:
                break
        else:
            events = min(count - at, int(state["left"])) // 8
            if not events:
                break
            address, time = np.frombuffer(block, "<u4", 2 * events, at).reshape(-1, 2).T
            address, time = address.astype(np.int64), time.astype(np.int64) & 0x7FFFFFFF
            if not state["polarity"]:
                kept = address & 1 == 1
                address, time = address[kept], time[kept]
            t = state["epoch"] << 31 | time
            found.append(packed(state, t, address >> 17, address >> 2 & 0x7FFF, address >> 1 & 1))
            at += 8 * events
            state["left"] -= 8 * events
    state["whole"] = at
    return np.concatenate(found)


def write(stream: BinaryIO, source: Source) -> None:
    """Write events in packets, a new one where the clock overflows.

    Raises:
        UserError: an event at 32768 pixels or beyond, or a negative time.
    """
    name = next((camera for camera, size in CHIPS if size == source.sensor), "unknown")
    lines = ["#!AER-DAT3.1", "#Format: RAW", f"#Source 1: {name.upper()}", _END.decode()]
    stream.write("".join(f"{line}\r\n" for line in lines).encode())
    for events in source.upright():
        check(events, _SIDE, _TIME_BITS)
        address = events["x"].astype("<u4") << 17 | events["y"].astype("<u4") << 2 | 1
        address |= events["p"].astype("<u4") << 1
        overflow = events["t"] >> 31
        words = np.stack([address, (events["t"] & 0x7FFFFFFF).astype("<u4")], 1)
        cuts = np.flatnonzero(np.diff(overflow)) + 1
        for start, stop in zip([0, *cuts], [*cuts, len(events)], strict=True):
            for first in range(start, stop, PACKET):
                packet = words[first : min(first + PACKET, stop)]
                size = len(packet)
                head = HEAD.pack(POLARITY, 1, 8, 4, int(overflow[first]), size, size, size)
                stream.write(head + packet.tobytes())
