"""What a source of events is.

A source gives chunks of events until it ends. A live one also gives empty chunks, several a second,
so that whoever reads it can look at the clock.

Units: t microseconds, x to the right and y down in pixels.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.source import LARGEST, SensorSize
from neurosvt.live.wire import Malformed


class LiveSource(ABC):
    """Gives events as they come."""

    live: ClassVar[bool]
    """Nobody knows what comes next: the clock closes windows in which nothing came."""
    waits: ClassVar[bool]
    """It can be read ahead of its time, so that it is played at the speed that is wanted."""

    def __init__(self, name: str, sensor: SensorSize):
        if not all(1 <= side <= LARGEST for side in sensor):
            raise UserError(f"a sensor of {sensor[0]} x {sensor[1]} pixels is none")
        self.name, self.sensor = name, sensor
        self.malformed = Malformed()

    @abstractmethod
    def chunks(self) -> Iterator[np.ndarray]:
        """Its events (n,) of dtype `EVENT` on its sensor, a bounded number at a time."""

    def notes(self) -> list[str]:
        """What there is to say at its end, a line each."""
        return []
