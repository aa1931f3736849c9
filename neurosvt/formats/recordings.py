"""A recording of any length, window by window: a file is never held whole.

with open_recording("recording.raw") as opened:
    for window in opened.windows(TimeWindows(10_000), size=64):
        ...
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import Fitting, Recording, extent
from neurosvt.events.windows import EventWindow, WindowCutter
from neurosvt.formats import EventFile, npz, open_events
from neurosvt.formats.source import SensorSize, Source


@dataclass(frozen=True)
class OpenRecording:
    """A recording that is read once, from its beginning to its end."""

    name: str
    sensor: SensorSize
    """Width and height, pixels; as large as its events need where the file does not state it."""
    label: int | None
    """Class of what it shows, where known."""
    source: Source

    def fitting(self, size: int) -> Fitting:
        """How it falls onto a square."""
        return Fitting(*self.sensor, size)

    def chunks(self) -> Iterator[np.ndarray]:
        """Its events (n,) of dtype `EVENT`, x to the right and y down.

        Raises:
            UserError: there are none.
        """
        some = False
        for events in self.source.upright():
            some = True
            yield events
        if not some:
            raise UserError("; ".join(["holds no events", *self.source.damage.lines()]))

    def windows(self, cutter: WindowCutter, size: int) -> Iterator[EventWindow]:
        """All its windows, on a square of size x size pixels.

        Raises:
            UserError: there are no events.
        """
        fitting = self.fitting(size)
        for events in self.chunks():
            yield from cutter.feed(fitting.fit(events))
        yield from cutter.rest()

    def damage(self) -> list[str]:
        """What could not be read so far, a line each."""
        return [f"{self.name}: {line}" for line in self.source.damage.lines()]


@contextmanager
def open_recording(recording: str | Path | Recording) -> Iterator[OpenRecording]:
    """Open an event file of any format, or a recording in memory.

    Raises:
        FileNotFoundError, UserError: as `open_events`.
    """
    if isinstance(recording, Recording):
        sensor = (recording.width, recording.height)
        source = npz.Whole(recording.events, sensor)
        yield OpenRecording(recording.name, sensor, recording.label, source)
        return
    with open_events(recording) as file:
        if file.source.sensor:
            yield _opened(file, file.source.sensor)
            return
        # Such a file is read twice: first for the pixels that its events need.
        needed = (1, 1)
        for events in file.source.upright():
            needed = _larger(needed, extent(events))
    with open_events(recording) as file:
        yield _opened(file, needed)


def _opened(file: EventFile, sensor: SensorSize) -> OpenRecording:
    label = getattr(file.source, "label", None)
    return OpenRecording(file.path.stem, sensor, label, file.source)


def _larger(a: SensorSize, b: SensorSize) -> SensorSize:
    return max(a[0], b[0]), max(a[1], b[1])
