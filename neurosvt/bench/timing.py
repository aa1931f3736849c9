"""Fair timing: candidates take turns, so that a machine that slows down slows all of them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Candidate:
    """One way to do one thing."""

    name: str
    what: str
    shape: str
    dtype: str
    run: Callable[[], Any]
    elements: int = 1
    """What `per_second` counts: neurons times steps, or one for a step of training."""
    heavy: bool = False
    """Takes seconds: is run in a third of the rounds."""
    before: Callable[[], Any] = lambda: None
    """Done before every run, and not timed."""


def alternate(
    candidates: Iterable[Candidate], rounds: int, on_run: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """Run all of them in turn, `rounds` times after one to warm up; a row for each.

    Times are of the wall clock. `low_ms` and `high_ms` hold the middle nine tenths of the rounds.
    """
    candidates = list(candidates)
    seconds: dict[int, list[float]] = {i: [] for i in range(len(candidates))}
    for turn in range(-1, rounds):
        for i, candidate in enumerate(candidates):
            if candidate.heavy and turn > 0 and turn % 3:
                continue
            candidate.before()
            start = time.perf_counter()
            candidate.run()
            if turn >= 0:
                seconds[i].append(time.perf_counter() - start)
            on_run()
    return [_row(c, np.array(seconds[i])) for i, c in enumerate(candidates)]


def _row(candidate: Candidate, seconds: np.ndarray) -> dict[str, Any]:
    low, median, high, worst = np.quantile(seconds, [0.05, 0.5, 0.95, 0.99])
    return {
        "name": candidate.name,
        "what": candidate.what,
        "shape": candidate.shape,
        "dtype": candidate.dtype,
        "threads": torch.get_num_threads(),
        "median_ms": 1e3 * median,
        "low_ms": 1e3 * low,
        "high_ms": 1e3 * high,
        "p99_ms": 1e3 * worst,
        "per_second": candidate.elements / median,
        "rounds": len(seconds),
    }


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """So many threads for PyTorch and for the kernels, as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
