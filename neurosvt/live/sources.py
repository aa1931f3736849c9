"""Where events come from: files, made-up scenes, standard input, the network, cameras.

A source gives chunks of events until it ends. A live one also gives empty chunks, several a second,
so that whoever reads it can look at the clock.

Units: t microseconds, x to the right and y down in pixels.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats.recordings import OpenRecording, open_recording
from neurosvt.formats.source import LARGEST, SensorSize
from neurosvt.live.wire import Malformed
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.scenes import SceneConfig

SCENE_HIDDEN = 60
"""Hidden frames of each made-up scene."""


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


class RecordingSource(LiveSource):
    """A file of events, or a recording in memory."""

    live, waits = False, True

    def __init__(self, opened: OpenRecording):
        super().__init__(opened.name, opened.sensor)
        self.opened = opened

    def chunks(self) -> Iterator[np.ndarray]:
        yield from self.opened.chunks()

    def notes(self) -> list[str]:
        return self.opened.damage()


class SceneSource(LiveSource):
    """Made-up scenes of a tier, one after the other, without end: objects that come, are hidden,
    and come again.

    Args:
        tier: a key of `TIERS`, or "succession".
        size: pixels per side.
        frame_us: length of a frame, whose events all come at its beginning.
        seed: of the first scene.

    Raises:
        UserError: a tier that is unknown, or a size that no scenes have.
    """

    live, waits = False, True

    def __init__(self, tier: str, size: int, frame_us: int, seed: int = 0):
        super().__init__(f"scenes:{tier}", (size, size))
        self.tier, self.frame_us, self.seed = tier, frame_us, seed
        try:
            self.config = SceneConfig(size=size, frame_us=frame_us)
        except ValueError as error:
            raise UserError(f"no scenes for this model: {error}") from error
        SceneTask("test", seed, scene=self.config).supports(tier, SCENE_HIDDEN)

    def chunks(self) -> Iterator[np.ndarray]:
        t = 0
        for seed in count(self.seed):
            task = SceneTask("test", seed, scene=self.config)
            for scenes in task.batches(self.tier, self._hidden(task), 1):
                for frame in scenes.frames[:, 0]:
                    yield frame_events(frame, t)
                    t += self.frame_us

    def _hidden(self, task: SceneTask) -> int:
        """As many hidden frames as the tier can have, at most the usual."""
        return next(n for n in range(SCENE_HIDDEN, 0, -1) if task.supports(self.tier, n))


def frame_events(frame: np.ndarray, t_us: int) -> np.ndarray:
    """The events (n,) of a frame (2, H, W), all at one time."""
    p, y, x = frame.nonzero()
    events = np.empty(len(p), EVENT)
    events["t"], events["x"], events["y"], events["p"] = t_us, x, y, p
    return events


SCHEMES = ("scenes:", "udp://", "camera:")
"""What the words of sources that are no files begin with."""


def check_source(word: str) -> None:
    """Refuse, before anything is loaded, a word that names no source.

    Raises:
        FileNotFoundError: no such file.
        UserError: an unknown kind of source.
    """
    if word == "-" or word.startswith(SCHEMES):
        return
    if "://" in word:
        raise UserError(
            f"source {word!r} is unknown; FILE, scenes:TIER, -, udp://HOST:PORT or camera: will do"
        )
    if not Path(word).is_file():
        raise FileNotFoundError(f"{word}: no such file")


@contextmanager
def open_live_source(
    source: str | Path | Recording,
    *,
    size: int,
    frame_us: int,
    sensor: SensorSize | None = None,
    seed: int = 0,
) -> Iterator[LiveSource]:
    """A source by its word: FILE, `scenes:TIER`, `-` (standard input), `udp://HOST:PORT`, `camera:`
    or `camera:SERIAL`; or a recording.

    Args:
        source: what to read.
        size: pixels per side of the model's square.
        frame_us: its frame length, for scenes.
        sensor: of what comes over a wire; None for the model's square.
        seed: of the scenes.

    Raises:
        FileNotFoundError, UserError: it cannot be read; one line that says why.
    """
    # Imported here because they derive from what stands above.
    from neurosvt.live.cameras import open_camera
    from neurosvt.live.network import StdinSource, UdpSource, open_udp

    word = "" if isinstance(source, Recording) else str(source)
    if word:
        check_source(word)
    rest = word.partition(":")[2]
    if word == "-":
        yield StdinSource(sensor or (size, size))
    elif word.startswith("udp://"):
        with open_udp(word) as bound:
            yield UdpSource(word, bound, sensor or (size, size))
    elif word.startswith("scenes:"):
        yield SceneSource(rest, size, frame_us, seed)
    elif word.startswith("camera:"):
        with open_camera(rest) as camera:
            yield camera
    else:
        with open_recording(source) as opened:
            yield RecordingSource(opened)
