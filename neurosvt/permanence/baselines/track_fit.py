"""What the visible track alone tells of a hidden place.

Axes: E events (one occlusion of one object each), T time steps, B batch.
"""

from typing import Any

import numpy as np
import torch
from numpy.polynomial import polynomial
from torch import nn

from neurosvt.ops.neighbours import with_neighbours
from neurosvt.scenes.scenes import Occlusion, Scenes

CENTROID_EVENTS = 3
"""Events that make a centroid."""


class TrackFit(nn.Module):
    """The place from a polynomial through the centroids of events; the class is what `knows` says.

    It is told when the object was last wholly in view and when it is asked, and fits the last
    `window` frames until then by least squares. Of degree 0 it is where the object was last seen;
    of degree 1 nothing that moves on evenly is beyond it, and nothing that rests is within.

    Args:
        knows: whatever takes frames and a state.
        degree: of the polynomial, in time.
        window: frames that are looked back at.
    """

    def __init__(self, knows: nn.Module, degree: int, window: int):
        super().__init__()
        self.knows, self.degree, self.window = knows, degree, window

    def forward(self, frames: torch.Tensor, state: Any = None, **options: Any) -> tuple[Any, Any]:
        """What `knows` says."""
        belief, state = self.knows(frames, state, **options)
        return belief, state

    def extra_repr(self) -> str:
        return f"degree={self.degree}, window={self.window}"

    def positions(self, scenes: Scenes) -> np.ndarray:
        """(E, 2) places at the last hidden frame of every occlusion, in [0, 1] of the sensor."""
        end = max(int(o.seen.max()) for o in scenes.occlusions) + 1
        frames = with_neighbours(torch.from_numpy(scenes.frames[:end])).any(2).numpy()
        return np.concatenate([self._extrapolate(frames, o) for o in scenes.occlusions])

    def _extrapolate(self, frames: np.ndarray, occlusion: Occlusion) -> np.ndarray:
        """(B, 2) places from events (T, B, H, W) of either polarity."""
        positions = np.full((frames.shape[1], 2), 0.5)
        for row, last in enumerate(occlusion.seen):
            first = max(0, int(last) + 1 - self.window)
            t, y, x = np.nonzero(frames[first : last + 1, row])
            counts = np.bincount(t, minlength=self.window)
            good = np.flatnonzero(counts >= CENTROID_EVENTS)
            if len(good) <= self.degree:
                continue
            sums = np.stack([np.bincount(t, at + 0.5, self.window) for at in (x, y)], -1)
            centroids = sums[good] / counts[good, None] / np.array(frames.shape[:1:-1])
            fitted = polynomial.polyfit(good, centroids, self.degree)
            positions[row] = polynomial.polyval(occlusion.last - first, fitted)
        return positions
