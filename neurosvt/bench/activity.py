"""How the time of a frame follows what happens in it."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosvt.engine import Engine
from neurosvt.events.recording import EVENT
from neurosvt.experiments.checkpoints import load
from neurosvt.models.neurosvt import NeuroSVT

COUNTS = (4, 16, 64, 256, 1024, 4096)
"""Events of a frame: three decades."""
WARM_UP = 5
"""Turns that are not timed."""


def rows_of_events(counts: Sequence[int] = COUNTS, rounds: int = 60) -> list[dict[str, Any]]:
    """Median time of a frame without its belief, and its additions, for numbers of events that lie
    together as an object's do; last, the line of least squares of time against additions.

    Args:
        counts: events of a frame.
        rounds: turns that every number takes, after a few to warm up.
    """
    model = load("permanence").model
    assert isinstance(model, NeuroSVT)
    engine, random = Engine(model), np.random.default_rng(0)
    films = {n: blobs(random, n) for n in counts}
    sessions = {n: engine.session() for n in counts}
    seconds: dict[int, list[float]] = {n: [] for n in counts}
    added: dict[int, list[int]] = {n: [] for n in counts}
    for turn in range(rounds + WARM_UP):
        for n, film in films.items():
            session, events = sessions[n], film[turn % len(film)]
            before = session.operations.acs
            session.push(asked=False)  # caches are as this session leaves them
            start = time.perf_counter()
            session.push(events, asked=False)
            taken = time.perf_counter() - start
            if turn >= WARM_UP:
                seconds[n].append(taken)
                added[n].append(session.operations.acs - before)
    us = np.array([1e6 * np.median(seconds[n]) for n in counts])
    additions = np.array([np.median(added[n]) for n in counts])
    slope, start_us = np.polyfit(additions, us, 1)
    rest = us - (slope * additions + start_us)
    what = {"name": "engine, no belief", "what": "time against events"}
    rows = [
        {**what, "events": n, "median_us": float(taken), "additions": float(done)}
        for n, taken, done in zip(counts, us, additions, strict=True)
    ]
    line = {
        "name": "line", "us_at_no_addition": float(start_us), "us_per_addition": float(slope),
        "r2": float(1 - rest.var() / us.var()),
    }  # fmt: skip
    return [*rows, {**what, **line}]


def blobs(random: np.random.Generator, count: int, frames: int = 12) -> list[np.ndarray]:
    """Events (n,) of frames of so many events that lie together, as an object's do."""
    found = []
    for _ in range(frames):
        side = min(64, max(3, int(np.ceil(np.sqrt(count)))))
        low = random.integers(0, 64 - side + 1, 2)
        cells = random.choice(2 * side * side, min(count, 2 * side * side), replace=False)
        events = np.zeros(len(cells), EVENT)
        events["p"], rest = cells >= side * side, cells % (side * side)
        events["y"], events["x"] = low[0] + rest // side, low[1] + rest % side
        found.append(events)
    return found
