"""A recording of any length, window by window: a file is never held whole.

with open_recording("recording.raw") as opened:
    for window in opened.windows(TimeWindows(10_000), size=64):
        ...
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurosvt.events.recording import Fitting, Recording
from neurosvt.events.windows import EventWindow, WindowCutter
from neurosvt.formats import npz, open_events
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import SensorSize, Source
from neurosvt.sides import Size


@dataclass(frozen=True)
class OpenRecording:
    """A recording that is read once, from its beginning to its end."""

    name: str
    sensor: SensorSize
    """Width and height, pixels; as large as its events need where the file does not state it."""
    label: int | None
    """Class of what it shows, where known."""
    source: Source

    def fitting(self, size: Size) -> Fitting:
        """How it falls onto a sensor of this size."""
        return Fitting(*self.sensor, size)

    def chunks(self) -> Iterator[np.ndarray]:
        """Its events (n,) of dtype `EVENT`, x to the right and y down.

        Raises:
            UserError: there are none.
        """
        yield from self.source.upright()
        self.source.refuse_empty()

    def windows(self, cutter: WindowCutter, size: Size) -> Iterator[EventWindow]:
        """All its windows, on a sensor of this size, with all events (see `Fitting.crowded`).

        Raises:
            UserError: there are no events.
        """
        fitting = self.fitting(size)
        for events in self.chunks():
            yield from cutter.feed(fitting.fit(events))
        yield from cutter.rest()

    def frames(self, cutter: WindowCutter, size: Size) -> Iterator[np.ndarray]:
        """All its windows as frames (2, H, W) bool, with the events that such a model sees.

        Raises:
            UserError: there are no events.
        """
        fitting = self.fitting(size)
        for window in self.windows(cutter, size):
            yield replace(window, events=fitting.crowded(window.events)).frame(size)

    def damage(self) -> list[str]:
        """What could not be read so far, is odd, or was guessed, a line each."""
        return [f"{self.name}: {line}" for line in self.source.warnings()]


@contextmanager
def open_recording(
    recording: str | Path | Recording, options: ReadOptions = AS_STATED
) -> Iterator[OpenRecording]:
    """Open an event file of any format, or a recording in memory.

    Args:
        recording: the file, or what is in memory.
        options: how to read it, where it does not say.

    Raises:
        FileNotFoundError, UserError: as `open_events`.
    """
    if isinstance(recording, Recording):
        source = npz.Whole(recording.events, (recording.width, recording.height))
        source.use(options)
        yield OpenRecording(recording.name, source.bounds, recording.label, source)
        return
    with open_events(recording, options) as file:
        label = getattr(file.source, "label", None)
        yield OpenRecording(file.path.stem, file.source.bounds, label, file.source)
