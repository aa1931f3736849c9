"""AEDAT 4, the format of iniVation's DV software: packets of events, each a FlatBuffer.

    14 bytes    #!AER-DAT4.0, carriage return, new line
    header      size, then a FlatBuffer `IOHE`: compression, where a table of the packets stands,
                and a description of the streams in XML
    packets     stream (4 bytes), size (4 bytes), then so many bytes, compressed as the header says;
                those of events hold a FlatBuffer `EVTS`, a list of 16 bytes an event:
                time (8 bytes, microseconds), x, y (2 bytes each), polarity (1 byte, 3 unused)

All numbers are little-endian. Compressed packets (LZ4, Zstandard) need the extra `data`. The table
at the end is not needed, so that a file that is cut is read up to the cut.

Source: iniVation, "AEDAT file formats", section AEDAT 4.0; FlatBuffers' documentation of its bytes.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from io import SEEK_END
from typing import BinaryIO

import numpy as np

from neurosvt.config import ConfigError, UserError, first_line
from neurosvt.formats.about import FILE, OPTION, About
from neurosvt.formats.layouts import choose_camera
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import (
    BLOCK_BYTES,
    LARGEST,
    SensorSize,
    Source,
    decoded_words,
    packed,
)

NAME = "aedat4"
ENDING = ".aedat4"
MAGIC = b"#!AER-DAT4.0"
_COMPRESSIONS = ("", "lz4", "lz4", "zstd", "zstd")
"""By the number in the header; the second of a pair compresses harder."""
_EVENT = np.dtype(
    [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1"), ("unused", "V3")], align=False
)
_LARGEST_PACKET = 1 << 28
"""Bytes; the recorder's have some 100,000."""
_PACKET = 1 << 12
"""Events of a packet that we write."""
_SIZE = '<attr key="size{}" type="int">{}</attr>'
_DESCRIBED = """<dv version="2.0">
<node name="outInfo" path="/outInfo/"><node name="0" path="/outInfo/0/">
<attr key="compression" type="string">NONE</attr>
<attr key="originalModuleName" type="string">neurosvt</attr>
<attr key="originalOutputName" type="string">events</attr>
<attr key="typeDescription" type="string">Array of events.</attr>
<attr key="typeIdentifier" type="string">EVTS</attr>
<node name="info" path="/outInfo/0/info/">{size}
<attr key="source" type="string">neurosvt</attr></node>
</node></node>
</dv>
"""
"""What DV says of a stream of events."""


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as AEDAT 4 does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: damaged, without events, or those of several cameras and none is named.
        ConfigError: compressed, and pyarrow is not installed.
    """
    stream.seek(len(MAGIC) + 2)
    try:
        header = stream.read(struct.unpack("<I", stream.read(4))[0] & _LARGEST_PACKET - 1)
        root = _table(header, struct.unpack_from("<I", header)[0])
        compression = _COMPRESSIONS[struct.unpack_from("<i", header, root[0])[0] if root[0] else 0]
        described = _text(header, root[2])
        end = struct.unpack_from("<q", header, root[1])[0] if root[1] else -1
    except (struct.error, IndexError) as error:
        raise UserError(f"is damaged: its header cannot be read ({first_line(error)})") from None
    streams = _streams(described)
    events = {number: name for number, (kind, name, _) in streams.items() if kind == "EVTS"}
    if not events:
        kinds = sorted({kind for kind, *_ in streams.values()})
        raise UserError(f"holds no events: its streams are {', '.join(kinds) or 'none'}")
    paths = [f"{name}/{number}" for number, name in events.items()]
    chosen, camera = choose_camera(paths, options.camera)
    number = list(events)[chosen]
    about = About(camera=camera or events[number] or None)
    about.camera_from = OPTION if options.camera else FILE if about.camera else None
    _check_codec(compression)
    return Streamed(stream, number, compression, streams[number][2], about, end)


def _table(data: bytes, at: int) -> list[int]:
    """Where the fields of a FlatBuffer's table stand, 0 for those that are not there; three at
    least."""
    table = at - struct.unpack_from("<i", data, at)[0]
    if table < 0:
        raise IndexError("a table before the beginning")
    size = struct.unpack_from("<H", data, table)[0]
    offsets = struct.unpack_from(f"<{max(size // 2 - 2, 0)}H", data, table + 4)
    return [at + offset if offset else 0 for offset in offsets] + [0, 0, 0]


def _text(data: bytes, at: int) -> str:
    if not at:
        return ""
    start = at + struct.unpack_from("<I", data, at)[0]
    size = struct.unpack_from("<I", data, start)[0]
    return data[start + 4 : start + 4 + size].decode("utf-8", "replace")


def _streams(described: str) -> dict[int, tuple[str, str, SensorSize | None]]:
    """Kind, camera and sensor of each stream, by its number."""
    found = {}
    for part in re.split(r'(?=<node name="\d+" path="[^"]*/outInfo/\d+/")', described)[1:]:
        stated = dict(re.findall(r'<attr key="(\w+)"[^>]*>([^<]*)<', part))
        both = stated.get("sizeX", ""), stated.get("sizeY", "")
        sides = [side for side in both if re.fullmatch(r"\d{1,9}", side)]
        width, height = map(int, sides) if len(sides) == 2 else (0, 0)
        sensor = (width, height) if 0 < width < LARGEST and 0 < height < LARGEST else None
        number = re.match(r'<node name="(\d{1,9})"', part)
        if number:
            kind, name = (
                re.sub(r"\W", "", stated.get(key, "")) for key in ("typeIdentifier", "source")
            )
            found[int(number[1])] = kind, name, sensor
    return found


def _check_codec(compression: str) -> None:
    if compression:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ConfigError("packed AEDAT 4 needs: pip install 'neurosvt[data]'") from error


def _unpacked(data: bytes, compression: str) -> bytes:
    """What was packed, as far as it is sound.

    Raises:
        OSError: damaged from its beginning.
        ValueError: too much.
    """
    if not compression:
        return data
    import pyarrow

    whole = bytearray()
    with pyarrow.CompressedInputStream(pyarrow.BufferReader(data), compression) as stream:
        try:
            while piece := stream.read(1 << 16):
                whole += piece
                if len(whole) > _LARGEST_PACKET:
                    raise ValueError(f"a packet of more than {_LARGEST_PACKET:,} bytes")
        except OSError:
            if not whole:  # else it is cut, or damaged from here on
                raise
    return bytes(whole)


class Streamed(Source):
    """The packets of one stream.

    Args:
        stream: at the first packet.
        number: of the stream.
        compression: as pyarrow calls it; empty for none.
        sensor: None where it is not stated.
        about: who said what.
        end: byte of the table that follows the packets; below 1 where there is none.
    """

    def __init__(
        self,
        stream: BinaryIO,
        number: int,
        compression: str,
        sensor: SensorSize | None,
        about: About,
        end: int,
    ):
        super().__init__(sensor, about=about)
        self.stream, self.number, self.compression = stream, number, compression
        self.start, self.end = stream.tell(), end

    def rewind(self) -> None:
        self.stream.seek(self.start)

    def chunks(self) -> Iterator[np.ndarray]:
        waiting: list[bytes | memoryview] = []
        for packet in self._events():
            waiting.append(packet)
            if sum(map(len, waiting)) >= BLOCK_BYTES:
                yield from self._decoded(waiting)
                waiting = []
        yield from self._decoded(waiting)

    def _decoded(self, packets: Iterable[bytes | memoryview]) -> Iterator[np.ndarray]:
        """What some packets hold together: a recorder's are of some hundred events."""
        block = b"".join(packets)
        events = decoded_words(decode, NAME, block, len(block) // _EVENT.itemsize, self.state)
        self.account()
        if len(events):
            yield events

    def _events(self) -> Iterator[memoryview]:
        """The bytes of the events of each packet, as far as it is sound."""
        for data, whole in self._packets():
            try:
                events, missing = _events_of(_unpacked(data, self.compression))
            except (OSError, struct.error, ValueError, IndexError) as error:
                if whole:  # else it is cut before its first event
                    self.damage.notes.append(f"a packet could not be read ({first_line(error)})")
                return
            if events is None:
                self.damage.notes.append("a packet holds no events; what follows was not read")
                return
            if missing and whole:
                self.damage.notes.append(f"{missing:,} events of a packet could not be read")
            yield events

    def _packets(self) -> Iterator[tuple[bytes, bool]]:
        """The packets of this stream, and whether each is whole; others are skipped."""
        at, end = self.start, self.stream.seek(0, SEEK_END)
        self.stream.seek(at)
        while not 0 < self.end <= at and (head := self.stream.read(8)):
            if len(head) < 8:
                self.damage.lost_bytes += len(head)
                return
            number, size = struct.unpack("<ii", head)
            if not 0 <= size <= _LARGEST_PACKET or number < -1:
                self.damage.notes.append("a packet's header cannot be; what follows was not read")
                return
            at += 8 + size
            if at > end:
                self.damage.notes.append(f"its last packet lacks {at - end:,} bytes")
            if number == self.number:
                yield self.stream.read(size), at <= end
            else:
                self.stream.seek(at)


def _events_of(data: bytes) -> tuple[memoryview | None, int]:
    """The bytes of the events of a packet that are there, None if it holds something else; and how
    many events more it should hold."""
    if data[8:12] != b"EVTS":
        return None, 0
    root = 4 + struct.unpack_from("<I", data, 4)[0]
    field = _table(data, root)[0]
    if not field:
        return memoryview(b""), 0
    start = field + struct.unpack_from("<I", data, field)[0]
    count = struct.unpack_from("<I", data, start)[0]
    there = min(count, max(len(data) - start - 4, 0) // _EVENT.itemsize)
    return memoryview(data)[start + 4 :][: there * _EVENT.itemsize], count - there


def decode(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """The definition; see `source.Decode`."""
    a = np.frombuffer(block, _EVENT, count)
    x, y = a["x"].astype(np.int64), a["y"].astype(np.int64)
    x[x < 0], y[y < 0] = LARGEST, LARGEST
    return packed(state, a["t"], x, y, a["p"] > 0)


def write(stream: BinaryIO, source: Source) -> None:
    """Write events in packets, not compressed, without a table of them.

    Raises:
        UserError: an event at 32768 pixels or beyond.
    """
    size = ""
    if source.sensor:
        size = "".join(map(_SIZE.format, "XY", source.sensor))
    described = _DESCRIBED.format(size=size).encode()
    # A FlatBuffer's root, name, and table of three fields: packing, where a table is, description.
    head = struct.pack("<I4s6x5HiiIq4x", 24, b"IOHE", 10, 24, 4, 12, 8, 10, 0, 16, -1)
    head += struct.pack("<I", len(described)) + described + bytes(4 - len(described) % 4)
    stream.write(MAGIC + b"\r\n" + struct.pack("<I", len(head)) + head)
    for events in source.upright():
        if max(int(events["x"].max()), int(events["y"].max())) >= 1 << 15:
            raise UserError(f"{NAME} has room for 32768 pixels a side")
        for start in range(0, len(events), _PACKET):
            part = events[start : start + _PACKET]
            rows = np.zeros(len(part), _EVENT)
            for name in ("t", "x", "y", "p"):
                rows[name] = part[name]
            body = (
                struct.pack("<I4s2x3HiII", 16, b"EVTS", 6, 8, 4, 6, 4, len(rows)) + rows.tobytes()
            )
            stream.write(struct.pack("<iiI", 0, len(body) + 4, len(body)) + body)
