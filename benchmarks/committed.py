"""The rows in benchmarks/results, and how their figures are printed."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neurosvt.results.rows import Results, read_results

RESULTS = Path(__file__).parent / "results"

Row = Mapping[str, Any]


@functools.cache
def committed(name: str) -> Results:
    """A measurement's file."""
    return read_results(RESULTS / f"{name}.json")


def rows_of(name: str) -> list[dict[str, Any]]:
    """The rows of a measurement."""
    return committed(name).rows


def share(row: Row, name: str = "score") -> str:
    """In per cent, with its interval."""
    return f"{100 * row[name]:.1f} ({span(row['low'], row['high'])})"


def span(low: float, high: float) -> str:
    """Ends in whole per cent, but in tenths near 0 and 100, where a whole one would hide them."""
    digits = 1 if low < 0.01 or high > 0.99 else 0
    ends = (f"{100 * end:.{0 if end in (0, 1) else digits}f}" for end in (low, high))
    return "-".join(ends)


def count(number: float) -> str:
    """A number of operations or parameters."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{1 if unit == 'M' else 0}f} {unit}"
    return f"{number:.0f}"


def microjoules(joules: float) -> str:
    """Three figures at most."""
    energy = 1e6 * joules
    digits = 0 if energy >= 100 else 1 if energy >= 10 else 2 if energy >= 0.1 else 3
    return f"{energy:,.{digits}f}"


def milliseconds(row: Row) -> str:
    """The median, with the middle 90 % of rounds where they were kept."""
    digits = 0 if row["median_ms"] >= 100 else 1 if row["median_ms"] >= 10 else 2
    spread = (f"{row[key]:,.{digits}f}" for key in ("low_ms", "high_ms") if key in row)
    told = "-".join(spread)
    return f"{row['median_ms']:,.{digits}f}" + (f" ({told})" if told else "")


def markdown(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table."""
    head = list(head)
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
