"""Sources that can be played at any speed: recordings, and made-up scenes."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats.recordings import OpenRecording
from neurosvt.live.source import LiveSource
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.scenes import SceneConfig
from neurosvt.sides import Sides, Size

SCENE_HIDDEN = 60
"""Hidden frames of each made-up scene."""


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
        size: of the sensor.
        frame_us: length of a frame, whose events all come at its beginning.
        seed: of the first scene.

    Raises:
        UserError: a tier that is unknown, or a size that no scenes have.
    """

    live, waits = False, True

    def __init__(self, tier: str, size: Size, frame_us: int, seed: int = 0):
        super().__init__(f"scenes:{tier}", Sides.of(size))
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
