"""What remembering saves: how much has to be seen until the class is right again.

Axes: E events (one occlusion of one object each), T time steps, B batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from neurosvt.permanence.evaluate import Predictions, noise_of_batch, predict
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.scenes import Scenes

LONGEST_WAIT = 40
"""Frames from an object's reappearing in which it is waited for."""

IN_A_ROW = 3
"""Frames in a row in which the class has to be right, so that no lucky guess counts."""


@dataclass(frozen=True)
class Reacquisition:
    """From an object's reappearing to the class being right for good."""

    frames: np.ndarray
    """(E,) frames: 0 if it was right in the first already; `LONGEST_WAIT` if it never was."""
    events: np.ndarray
    """(E,) events that the camera gave until then."""

    def row(self) -> dict[str, Any]:
        """The figures."""
        return {
            "right_at_once": float((self.frames == 0).mean()),
            "frames_mean": float(self.frames.mean()),
            "frames_median": float(np.median(self.frames)),
            "events_mean": float(self.events.mean()),
            "events_median": float(np.median(self.events)),
            "never": float((self.frames == LONGEST_WAIT).mean()),
            "occlusions": len(self.frames),
        }


def measure_reacquisition(
    models: Mapping[str, nn.Module],
    task: SceneTask,
    tier: str,
    hidden: int,
    sequences: int,
    **options: Any,
) -> dict[str, Reacquisition]:
    """Hide objects, show them again, and count until every model names them; `options` go to the
    models. For tiers that hide one object of a sequence once."""
    found: dict[str, list[Reacquisition]] = {name: [] for name in models}
    for scenes in task.batches(tier, hidden, sequences, after=LONGEST_WAIT):
        for name, model in models.items():
            with noise_of_batch(len(found[name])):
                found[name].append(_count(predict(model, scenes, **options), scenes))
    return {
        name: Reacquisition(
            np.concatenate([part.frames for part in parts]),
            np.concatenate([part.events for part in parts]),
        )
        for name, parts in found.items()
    }


def _count(said: Predictions, scenes: Scenes) -> Reacquisition:
    (occlusion,) = scenes.occlusions
    back = slice(occlusion.last + 1, occlusion.last + 1 + LONGEST_WAIT)
    right = said.label[back] == scenes.label[back]
    stays = np.lib.stride_tricks.sliding_window_view(right, IN_A_ROW, axis=0).all(-1)
    frames = np.where(stays.any(0), stays.argmax(0), LONGEST_WAIT)
    counts = scenes.frames[back].sum((2, 3, 4))
    before = np.concatenate([np.zeros((1, counts.shape[1]), int), counts.cumsum(0)])
    return Reacquisition(frames, before[frames, np.arange(len(frames))])
