"""Cameras of other shapes: what a model that fits them keeps in mind, and what a frame costs.

python benchmarks/sensors.py [EVENTS]: judges every pair of a camera and a model behind 60 hidden
frames, then times frames with events, the pairs in turn, on one thread; to
benchmarks/results/sensors.json. Of the largest camera a sixth as many events are judged.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from committed import RESULTS

from neurosvt.bench.timing import on_threads
from neurosvt.engine import Engine
from neurosvt.experiments.checkpoints import load
from neurosvt.live.played import frame_events
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.metrics import row
from neurosvt.permanence.suite import SUITE_NOISE
from neurosvt.permanence.tasks import SceneTask
from neurosvt.results.rows import write_results
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.sides import Sides

PAIRS = (
    ("permanence", (64, 64)), ("permanence", (346, 260)), ("davis346", (346, 260)),
    ("permanence", (1280, 720)), ("hd720", (1280, 720)),
)  # fmt: skip
TIERS, HIDDEN, LARGE = ("blackout", "curtain", "tunnel", "curtain_moving"), 60, 500_000
TIMED = 4
"""Sequences whose frames are timed, each three times."""


@dataclass(frozen=True)
class Pair:
    """A model before a camera."""

    name: str
    model: NeuroSVT
    scene: SceneConfig

    @classmethod
    def of(cls, name: str, sensor: tuple[int, int]) -> "Pair":
        """With the shipped weights."""
        model = load(name).model.eval()
        assert isinstance(model, NeuroSVT)
        size = model.config.image_size
        own = Sides.of(size) == sensor
        return cls(name, model, SceneConfig(size=sensor, shown=None if own else size))

    @property
    def about(self) -> dict[str, Any]:
        """What its rows begin with."""
        return {
            "run": self.name, "camera": str(self.scene.sensor),
            "sensor": str(self.model.config.sensor), "block": self.scene.fitting.factor,
            "parameters": self.model.parameter_count(),
        }  # fmt: skip


def judged(pair: Pair, events: int) -> Iterator[dict[str, Any]]:
    """A row a tier and judgement."""
    events = max(1, events // 6) if pair.scene.sensor.area > LARGE else events
    task = SceneTask("test", scene=pair.scene)
    for tier in TIERS:
        found = evaluate_cell({"": pair.model}, task, tier, HIDDEN, events, state_noise=SUITE_NOISE)
        for judgement in ("visible", "belief"):
            figures = row(found[""][judgement], pair.scene.side)
            cell = {"tier": tier, "judgement": judgement, "hidden_frames": HIDDEN}
            yield {**pair.about, **cell, **figures}


def timed(pairs: list[Pair]) -> Iterator[dict[str, Any]]:
    """A row a pair: microseconds of frames with events, in the median."""
    films = [_film(pair) for pair in pairs]
    engines = [Engine(pair.model) for pair in pairs]
    took: list[list[tuple[float, float, int]]] = [[] for _ in pairs]
    with on_threads(1):
        for _ in range(3):
            for pair, film, engine, times in zip(pairs, films, engines, took, strict=True):
                fitting, session = pair.scene.fitting, engine.session()
                for events in film:
                    begun = perf_counter()
                    shown = fitting.crowded(fitting.fit(events))
                    fitted = perf_counter()
                    session.push(shown)
                    times.append((fitted - begun, perf_counter() - fitted, len(shown)))
    for pair, film, times in zip(pairs, films, took, strict=True):
        blocks, engine_s, shown = np.median(np.array(times), axis=0)
        yield {
            **pair.about, "judgement": "time",
            "camera_events": float(np.median([len(events) for events in film])),
            "model_events": float(shown), "blocks_us": 1e6 * blocks, "engine_us": 1e6 * engine_s,
        }  # fmt: skip


def _film(pair: Pair) -> list[np.ndarray]:
    """Events of the camera, frame by frame, of those with an object in view."""
    scene = replace(pair.scene, shown=None)
    task = SceneTask("test", scene=scene, batch=TIMED)
    return [
        frame_events(frame, 0)
        for scenes in task.batches("blackout", 1, TIMED)
        for film in scenes.frames[2:20].swapaxes(0, 1)
        for frame in film
        if frame.any()
    ]


def main(events: int) -> None:
    """Judge and time all, and write the rows."""
    pairs = [Pair.of(name, sensor) for name, sensor in PAIRS]
    rows = [*timed(pairs)]
    for pair in pairs:
        rows += judged(pair, events)
    write_results(RESULTS / "sensors.json", f"python benchmarks/sensors.py {events}", rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
