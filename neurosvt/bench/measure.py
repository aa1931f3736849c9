"""A benchmark by name: all candidates in turn, on one number of threads after the other."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from rich.table import Table

from neurosvt.bench import formats, latency, neurons, processes, training
from neurosvt.bench.timing import Candidate, alternate, on_threads
from neurosvt.config import Registry, UserError

BENCHMARKS: Registry[Callable[[bool], Iterable[Candidate]]] = Registry(
    "benchmark",
    {
        "neurons": lambda compiled: neurons.neuron_candidates(compiled=compiled),
        "train": lambda compiled: training.training_candidates(),
        "processes": lambda compiled: processes.process_candidates(),
        "latency": lambda compiled: latency.latency_candidates(),
        "formats": lambda compiled: formats.reading_candidates(),
    },
)
"""What can be measured, by name; each told whether torch.compile takes part."""


def run_benchmark(
    name: str,
    threads: Sequence[int],
    rounds: int = 21,
    *,
    compiled: bool = True,
    on_run: Callable[[int, int], None] = lambda done, of: None,
) -> list[dict[str, Any]]:
    """Measure every candidate; a flat row for each and every number of threads.

    Args:
        name: a key of `BENCHMARKS`.
        threads: numbers of threads, each above 0.
        rounds: turns that every candidate takes.
        compiled: whether torch.compile takes part, whose first call takes a minute.
        on_run: told how many runs are done with these threads, and of how many.

    Raises:
        UserError: a benchmark that is unknown, or numbers below 1.
    """
    make = BENCHMARKS[name]
    if not threads or min(threads) < 1 or rounds < 1:
        raise UserError("--threads wants numbers above 0, as in 1,2, and --rounds at least 1")
    rows: list[dict[str, Any]] = []
    for count in threads:
        with on_threads(count):
            candidates = list(make(compiled))
            told = map(on_run, itertools.count(1), itertools.repeat((rounds + 1) * len(candidates)))
            rows += alternate(candidates, rounds, partial(next, told))
    return rows


def timing_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Median and spread, and how many times slower than the fastest of the same thing."""
    rows = list(rows)
    table = Table(title="milliseconds: median (the middle 90 % of rounds)")
    for name in ("what", "shape", "type", "threads", "name", "ms", "times the fastest"):
        table.add_column(name, justify="right" if name in ("threads", "ms") else "left")

    def same(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return row["what"], row["shape"], row["dtype"], row["threads"]

    fastest: dict[tuple[Any, ...], float] = {}
    for row in rows:
        if row["name"] != "copy":
            fastest[same(row)] = min(row["median_ms"], fastest.get(same(row), float("inf")))
    for row in sorted(rows, key=lambda row: (*same(row), row["median_ms"])):
        digits = 2 if row["median_ms"] >= 1 else 4
        low, median, high = (f"{row[key]:.{digits}f}" for key in ("low_ms", "median_ms", "high_ms"))
        spread = f"{median} ({low}-{high})"
        times = f"{row['median_ms'] / fastest[same(row)]:.1f}"
        table.add_row(*map(str, same(row)), row["name"], spread, times)
    return table
