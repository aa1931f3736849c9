"""NumPy archives: arrays t, x, y, p, or one structured array `events` with these fields.

`width` and `height` are the sensor, `unit` that of times, `label` a class. Read whole: an archive
is compressed or not, but never seekable.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats.about import FILE
from neurosvt.formats.arrays import arrays_source
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import BLOCK_BYTES, SensorSize, Source, note_times
from neurosvt.reading import arrays_of

NAME = "npz"
ENDING = ".npz"
MAGIC = b"PK"
_COLUMNS = ("t", "x", "y", "p")


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as a zip archive does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: damaged, or other arrays in it.
    """
    arrays = arrays_of(stream)
    stated = {name: scalar(arrays, name) for name in ("width", "height")}
    label = scalar(arrays, "label")
    leaves = {name: array for name, array in arrays.items() if name not in (*stated, "label")}
    unit = {"unit": str(leaves.pop("unit"))} if "unit" in leaves else {}
    source = arrays_source(leaves, lambda path: unit, options, label=label)
    if any(side is not None for side in stated.values()):
        width, height = stated.values()
        if width is None or height is None:
            needed = source.surveyed()
            width, height = width or needed[0], height if height is not None else needed[1]
        source.on_sensor((width, height), FILE)
    return source


class Whole(Source):
    """Events that are in memory already."""

    def __init__(self, events: np.ndarray, sensor: SensorSize | None, label: int | None = None):
        super().__init__(sensor)
        self.events, self.label = events, label

    def chunks(self) -> Iterator[np.ndarray]:
        length = BLOCK_BYTES // EVENT.itemsize
        for start in range(0, len(self.events), length):
            events = self.events[start : start + length].copy()
            inside = (events["x"] < self.bounds[0]) & (events["y"] < self.bounds[1])
            if not inside.all():
                self.state["outside"] += len(events) - inside.sum()
                events = events[inside]
            note_times(self.state, events["t"])
            self.account()
            if len(events):
                yield events

    def rewind(self) -> None:
        pass


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
    arrays = {name: events[name] for name in _COLUMNS} | {"unit": np.array("us")}
    if source.sensor:
        arrays |= {"width": np.array(source.sensor[0]), "height": np.array(source.sensor[1])}
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
