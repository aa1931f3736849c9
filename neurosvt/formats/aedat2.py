"""AEDAT 2.0, the format of jAER: 8 bytes a record, address and time, big-endian.

    time             32 bits, microseconds
    DVS128           14-8 y, 7-1 x, 0 polarity (1 is OFF); 15 an external event
    DAVIS, 31 = 0    30-22 y, 21-12 x, 11 polarity (1 is ON), 10 an external event
    DAVIS, 31 = 1    samples of frames and of the inertial sensor, which are passed over

Both axes are stored from the right and from the bottom, so that the chip has to be known. The
header names it. Without a name it is a DVS128 if no address needs more than 16 bits, and a DAVIS346
if an event lies where no smaller one has pixels; else it is asked for.

Source: iniVation, "AEDAT file formats", section AEDAT 2.0; jAER's event extractors of these chips.
"""

from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.about import FILE, FORMAT, OPTION, About
from neurosvt.formats.evt2 import check
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import BLOCK_BYTES, SensorSize, Source, Words, epochs, packed

NAME = "aedat2"
ENDING = ".aedat"
MAGIC, _END = b"#!AER-DAT2.0", b"#End Of ASCII Header"
DVS128, DAVIS240, DAVIS346 = (128, 128), (240, 180), (346, 260)
CHIPS = (("dvs128", DVS128), ("davis346", DAVIS346), ("davis240", DAVIS240))
_NAMES = {DVS128: "DVS128", DAVIS240: "DAVIS240C", DAVIS346: "Davis346red"}
_LONGEST = 1 << 16
"""Bytes of a header's line."""


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as AEDAT 2.0 does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: a header that does not end, a chip that is not known, or one that has to be
            named.
    """
    chip = ""
    while True:
        start = stream.tell()
        line = stream.readline(_LONGEST)
        # Records may begin with the byte of "#", but they are no text.
        if not line.startswith(b"#") or not line.isascii():
            stream.seek(start)
            break
        if not line.endswith(b"\n"):
            raise UserError("its header does not end")
        if line.startswith(b"# AEChip:"):
            chip = line.split(b":", 1)[1].decode().strip()
        if line.startswith(_END):
            break
    about = About(sensor_from=FORMAT, camera=chip or None, camera_from=FILE if chip else OPTION)
    if not chip and options.camera:
        chip = about.camera = options.camera
    elif not chip:
        chip, about.camera_from = _chip_by_events(stream), FORMAT
        about.camera = chip
    sensor = _sensor_of(chip)
    if sensor == DVS128:
        decode, inverted = decode_dvs128, True
    else:
        decode, inverted = decode_davis, False
    return Words(
        stream, decode, sensor, word=8, mirrored=True, inverted=inverted, about=about
    )  # fmt: skip


def _sensor_of(chip: str) -> SensorSize:
    for name, size in CHIPS:
        if name in chip.lower():
            return size
    raise UserError(f"was recorded by {chip}; known are DVS128, DAVIS240 and DAVIS346")


def _chip_by_events(stream: BinaryIO) -> str:
    """The chip that alone can have made all events, by reading their addresses."""
    start, wide, right, low = stream.tell(), False, -1, -1
    while block := stream.read(BLOCK_BYTES // 8 * 8):
        address = np.frombuffer(block, ">u4", len(block) // 8 * 2)[::2]
        wide |= bool((address >> 16).any())
        events = address[(address >> 31 == 0) & (address >> 10 & 1 == 0)]
        right = max(right, int((events >> 12 & 0x3FF).max(initial=0)))
        low = max(low, int((events >> 22 & 0x1FF).max(initial=0)))
    stream.seek(start)
    if not wide:
        return "DVS128"
    if right < DAVIS240[0] and low < DAVIS240[1]:
        raise UserError(
            "names no chip, and its events fit on several: --camera davis240 or --camera davis346"
        )
    return "DAVIS346"


def decode_dvs128(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """Events of a DVS128; see `source.Decode`."""
    address, t = _records(block, count, state)
    address, t = (column[address >> 15 == 0] for column in (address, t))
    return packed(state, t, address >> 1 & 0x7F, address >> 8 & 0x7F, address & 1)


def decode_davis(block: bytes, count: int, state: np.ndarray) -> np.ndarray:
    """Events of a DAVIS; see `source.Decode`."""
    address, t = _records(block, count, state)
    kept = (address >> 31 == 0) & (address >> 10 & 1 == 0)
    address, t = address[kept], t[kept]
    return packed(state, t, address >> 12 & 0x3FF, address >> 22 & 0x1FF, address >> 11 & 1)


def _records(block: bytes, count: int, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Addresses, and times on a clock that does not begin anew."""
    address, time = np.frombuffer(block, ">u4", 2 * count).reshape(-1, 2).astype(np.int64).T
    return address, epochs(time, 32, state) << 32 | time


def write(stream: BinaryIO, source: Source) -> None:
    """Write events: as a DVS128 if they come from a sensor of its size, else as a DAVIS.

    Raises:
        UserError: a sensor that none of these chips has, or a time outside 32 bits.
    """
    if source.sensor not in _NAMES:
        sizes = ", ".join(f"{w} x {h}" for w, h in _NAMES)
        has = source.sensor or "of a sensor that is not stated (--sensor WxH says it)"
        raise UserError(f"{NAME} is of cameras with {sizes} pixels, not {has}")
    width, height = source.sensor
    lines = [
        "#!AER-DAT2.0",
        "# This is a raw AE data file - do not edit",
        "# Data format is int32 address, int32 timestamp (8 bytes total), repeated for each event",
        "# Timestamps tick is 1 us",
        f"# AEChip: {_NAMES[source.sensor]}",
        _END.decode(),
    ]
    stream.write("".join(f"{line}\r\n" for line in lines).encode())
    for events in source.upright():
        check(events, max(width, height), 32)
        x = (width - 1 - events["x"].astype(np.int64)).astype(np.uint32)
        y = (height - 1 - events["y"].astype(np.int64)).astype(np.uint32)
        p = events["p"].astype(np.uint32)
        address = (
            x << 1 | y << 8 | 1 - p if source.sensor == DVS128 else x << 12 | y << 22 | p << 11
        )
        stream.write(np.stack([address, events["t"].astype(np.uint32)], 1).astype(">u4").tobytes())
