"""NumPy archives: arrays t, x, y, p, or one structured array `events` with these fields.

`width` and `height` are the sensor; without them it is as large as its events need. Read whole: an
archive is compressed or not, but never seekable.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT, extent, pack_events
from neurosvt.formats.source import BLOCK_BYTES, SensorSize, Source

NAME = "npz"
ENDING = ".npz"
MAGIC = b"PK"
_COLUMNS = ("t", "x", "y", "p")


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as a zip archive does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO) -> Source:
    """Its events.

    Raises:
        UserError: damaged, or other arrays in it.
    """
    arrays = read_arrays(stream)
    if "events" in arrays:
        events = arrays["events"]
        arrays |= {name: events[name] for name in events.dtype.names or ()}
    missing = [name for name in _COLUMNS if name not in arrays]
    if missing:
        raise UserError(
            f"holds no {', '.join(missing)}; one recording has arrays t, x, y, p, this file has "
            + (", ".join(sorted(arrays)) or "none")
        )
    events = pack_events(*(arrays[name] for name in _COLUMNS))
    stated = {name: scalar(arrays, name) for name in ("width", "height")}
    sensor = None
    if any(side is not None for side in stated.values()):
        needed = extent(events)
        width, height = (
            s if s is not None else n for s, n in zip(stated.values(), needed, strict=True)
        )
        sensor = (width, height)
    return Whole(events, sensor, scalar(arrays, "label"))


class Whole(Source):
    """Events that are in memory already."""

    def __init__(self, events: np.ndarray, sensor: SensorSize | None, label: int | None = None):
        super().__init__(sensor)
        self.events, self.label = events, label

    def chunks(self) -> Iterator[np.ndarray]:
        length = BLOCK_BYTES // EVENT.itemsize
        t, damage = self.events["t"], self.damage
        damage.time_steps_back = int((t[1:] < t[:-1]).sum())
        for start in range(0, len(self.events), length):
            events = self.events[start : start + length].copy()
            if self.sensor:
                inside = (events["x"] < self.sensor[0]) & (events["y"] < self.sensor[1])
                damage.off_sensor += int(len(events) - inside.sum())
                events = events[inside]
            if len(events):
                yield events


def read_arrays(stream: BinaryIO) -> dict[str, np.ndarray]:
    """All arrays of an npz file; never runs what a file may hold pickled.

    Raises:
        UserError: not an npz file, or a damaged one.
    """
    try:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise UserError("a single array")
        arrays = {name: file[name] for name in file.files}
        if others := [name for name, held in arrays.items() if not isinstance(held, np.ndarray)]:
            raise UserError(f"{others[0]} is no array")
        return arrays
    # A damaged byte makes numpy and zipfile raise nearly anything, TokenError included.
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"not a readable npz file, or damaged ({why})") from None


def scalar(arrays: dict[str, np.ndarray], name: str) -> int | None:
    """One whole number of an archive, or None if it is not there."""
    if name not in arrays:
        return None
    value = arrays[name]
    if value.size != 1 or value.dtype.kind not in "iu":
        raise UserError(f"{name} must be one integer, got {value.dtype} of shape {value.shape}")
    return int(value.reshape(()))


def write(stream: BinaryIO, source: Source) -> None:
    """Write events, all at once."""
    events = np.concatenate([np.empty(0, EVENT), *source.upright()])
    arrays = {name: events[name] for name in _COLUMNS}
    if source.sensor:
        arrays |= {"width": np.array(source.sensor[0]), "height": np.array(source.sensor[1])}
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
