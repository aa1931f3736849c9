"""What was said and what was true, and the figures that follow.

Axes: E events (one occlusion of one object each).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurosvt.presence import FORGOTTEN
from neurosvt.stats import share_interval

NEAR = 1 / 8
"""Largest place error that is right, in sensor sides."""
CONSTANT = "constant"
"""What rows call the best constant guess."""
UNTOLD = -1
"""In place of a `Presence` that nobody said."""


@dataclass(frozen=True)
class Outcomes:
    """What was said and what was true, at one moment of every event."""

    predicted_class: np.ndarray
    """(E,) most likely class."""
    predicted_position: np.ndarray
    """(E, 2) in sensor sides."""
    label: np.ndarray
    position: np.ndarray
    sequence: np.ndarray
    """(E,) which events belong together, and tell less than as many apart."""
    confidence: np.ndarray
    """(E,) probability that was given to the class that was said."""
    predicted_presence: np.ndarray
    """(E,) most likely `Presence`; `UNTOLD` of models that say nothing of it."""
    presence: np.ndarray

    @property
    def class_right(self) -> np.ndarray:
        """(E,) bool."""
        right: np.ndarray = self.predicted_class == self.label
        return right

    @property
    def position_error(self) -> np.ndarray:
        """(E,) distance in sensor sides."""
        distance: np.ndarray = np.linalg.norm(self.predicted_position - self.position, axis=-1)
        return distance

    @property
    def presence_right(self) -> np.ndarray:
        """(E,) bool."""
        right: np.ndarray = self.predicted_presence == self.presence
        return right

    @property
    def forgotten(self) -> np.ndarray:
        """(E,) bool: the class is said with so little confidence that it counts as forgotten."""
        forgotten: np.ndarray = self.confidence < FORGOTTEN
        return forgotten

    @property
    def right(self) -> np.ndarray:
        """(E,) bool: class and place."""
        return self.class_right & (self.position_error <= NEAR)


def concat_batches(parts: Iterable[Outcomes]) -> Outcomes:
    """Answers of several batches as one; no two batches share a sequence."""
    apart, first = [], 0
    for part in parts:
        apart.append(replace(part, sequence=part.sequence + first))
        first += int(part.sequence.max(initial=-1)) + 1
    columns = zip(*(vars(part).values() for part in apart), strict=True)
    return Outcomes(*(np.concatenate(column) for column in columns))


def best_constant(outcomes: Outcomes, grid: int = 33) -> Outcomes:
    """The one class and place that, said of every event of a cell, would have been right most
    often: chosen in hindsight, so nothing that says the same of everything does better.

    Places are tried on a grid, and at the two centres of every circle through two true places: a
    circle that holds the most of them can be moved until two lie on its edge.
    """
    best: tuple[int, int, np.ndarray] = (-1, 0, np.zeros(2))
    ticks = np.linspace(0, 1, grid)
    lattice = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    for label in np.unique(outcomes.label):
        true = outcomes.position[outcomes.label == label].astype(np.float64)
        for positions in (lattice, *_circles_through_two(true, NEAR * (1 - 1e-6))):
            near = np.linalg.norm(true[None] - positions[:, None], axis=-1) <= NEAR
            hits = near.sum(1)
            if len(hits) and hits.max() > best[0]:
                best = int(hits.max()), int(label), positions[hits.argmax()]
    events = len(outcomes.label)
    return Outcomes(
        np.full(events, best[1]),
        np.broadcast_to(best[2], (events, 2)),
        outcomes.label,
        outcomes.position,
        outcomes.sequence,
        np.full(events, np.nan),
        np.full(events, UNTOLD),
        outcomes.presence,
    )


def _circles_through_two(points: np.ndarray, radius: float) -> Iterator[np.ndarray]:
    """For each point, the centres of the circles through it and another, not beyond reach."""
    for index, point in enumerate(points):
        across = points[index + 1 :] - point
        apart = np.linalg.norm(across, axis=-1, keepdims=True)
        reach = (apart[:, 0] > 0) & (apart[:, 0] < 2 * radius)
        across, apart = across[reach], apart[reach]
        aside = np.stack([-across[:, 1], across[:, 0]], -1) / apart
        aside *= np.sqrt(radius**2 - (apart / 2) ** 2)
        middle = point + across / 2
        yield np.concatenate([middle + aside, middle - aside])


def row(outcomes: Outcomes, sensor_px: int) -> dict[str, Any]:
    """The figures of one judgement."""
    low, high = share_interval(outcomes.right, outcomes.sequence)
    return {
        "score": float(outcomes.right.mean()),
        "low": low,
        "high": high,
        "class_score": float(outcomes.class_right.mean()),
        "place_error_px": float(np.median(outcomes.position_error) * sensor_px),
        "confidence": float(outcomes.confidence.mean()),
        "calibration_error": calibration_error(outcomes),
        **forgetting(outcomes),
        "events": len(outcomes.label),
    }


def forgetting(outcomes: Outcomes) -> dict[str, float]:
    """How many answers count as forgotten: of all, and of those whose class or place is wrong. NaN
    where no confidence was told, or nothing is wrong."""
    if np.isnan(outcomes.confidence).any():
        return {"forgotten": float("nan"), "forgotten_of_wrong": float("nan")}
    forgotten, wrong = outcomes.forgotten, ~outcomes.right
    return {
        "forgotten": float(forgotten.mean()),
        "forgotten_of_wrong": float(forgotten[wrong].mean()) if wrong.any() else float("nan"),
    }


def presence_row(outcomes: Outcomes) -> dict[str, Any]:
    """How often presence is said rightly."""
    low, high = share_interval(outcomes.presence_right, outcomes.sequence)
    return {
        "presence_score": float(outcomes.presence_right.mean()),
        "low": low,
        "high": high,
        "events": len(outcomes.presence),
    }


BINS = 10
"""Into which confidence is sorted."""


def reliability(outcomes: Outcomes) -> list[dict[str, Any]]:
    """How often the class is right where its probability was said to be so: a row for every tenth
    into which an answer falls."""
    tenth = np.minimum((outcomes.confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "from": index / BINS,
            "to": (index + 1) / BINS,
            "confidence": float(outcomes.confidence[tenth == index].mean()),
            "class_score": float(outcomes.class_right[tenth == index].mean()),
            "events": int((tenth == index).sum()),
        }
        for index in np.unique(tenth).tolist()
    ]


def calibration_error(outcomes: Outcomes) -> float:
    """Expected calibration error: how far confidence is from the share that is right, averaged over
    answers sorted into tenths (Guo et al., ICML 2017). NaN where no confidence was told."""
    if np.isnan(outcomes.confidence).any():
        return float("nan")
    rows = reliability(outcomes)
    total: float = sum(r["events"] * abs(r["confidence"] - r["class_score"]) for r in rows)
    return total / len(outcomes.label)
