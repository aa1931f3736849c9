"""AEDAT 4, the format of iniVation's DV software, through its own library: the extra `events`."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from neurosvt.config import ConfigError, UserError
from neurosvt.formats.source import Source, packed

NAME = "aedat4"
ENDING = ".aedat4"
MAGIC = b"#!AER-DAT4.0"


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as AEDAT 4 does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO) -> Source:
    """Its events.

    Raises:
        UserError: damaged, or without events.
        ConfigError: dv-processing is not installed.
    """
    try:
        import dv_processing
    except ImportError as error:
        raise ConfigError("AEDAT 4 needs: pip install 'neurosvt[events]'") from error
    try:
        recording = dv_processing.io.MonoCameraRecording(stream.name)
        if not recording.isEventStreamAvailable():
            raise UserError("holds no events")
        width, height = recording.getEventResolution()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"is damaged, or holds no events ({str(error).splitlines()[0]})") from None
    return Recorded(recording, (int(width), int(height)))


class Recorded(Source):
    """The batches of a recording."""

    def __init__(self, recording: Any, sensor: tuple[int, int]):
        super().__init__(sensor)
        self.recording = recording

    def chunks(self) -> Iterator[np.ndarray]:
        while True:
            try:
                batch = self.recording.getNextEventBatch()
            except Exception as error:
                self.damage.notes.append(
                    f"what follows was not read ({str(error).splitlines()[0]})"
                )
                return
            if batch is None:
                return
            a = batch.numpy()
            events = packed(self.state, a["timestamp"], a["x"], a["y"], a["polarity"] > 0)
            self.account()
            if len(events):
                yield events
