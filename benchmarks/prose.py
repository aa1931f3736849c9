"""The numbers in a page's prose, and whether a committed row holds them.

python benchmarks/prose.py [PAGE...]: names those that none does, by default in README.md and
docs/results. Tables between marks are no prose: tables.py draws them.

A number with a unit is looked for in columns of that unit, rounded as it is printed; one without a
unit in all. It is looked for in the files that the page names, or in all if it names none. That
finds what is made up, not what is taken from the wrong row: the more rows, the more a wrong number
can hide among. What is made of several rows stands in derived.py, and is computed.
"""

import functools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from committed import RESULTS, committed
from derived import DERIVED, QUOTED
from tables import BLOCK, ROOT

SHARES = (
    "score", "low", "high", "class_score", "accuracy", "right_at_once", "never", "waited_share",
    "validation_best", "validation_last", "visible", "belief", "confidence", "from", "to",
)  # fmt: skip
COUNTS = ("parameters", "macs", "acs", "updates", "bytes", "per_second", "samples", "frames")
UNITS: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "%": (SHARES, (100,)),
    "k": (COUNTS, (1e-3,)),
    "M": (COUNTS, (1e-6,)),
    "µJ": (("joules_per_frame", "spike_joules_per_frame"), (1e6,)),
    "microjoules": (("joules_per_frame", "spike_joules_per_frame"), (1e6,)),
    "ms": (("median_ms", "low_ms", "high_ms", "p99_ms", "frame_ms"), (1,)),
    "s": (("hidden_frames",), (1e-2,)),
    "pixels": (("place_error_px",), (1,)),
    "steps": (("train_steps", "step"), (1,)),
    "minutes": (("seconds", "minutes"), (1 / 60, 1)),
    "hours": (("seconds",), (1 / 3600,)),
}
"""Unit to the columns that have it, and what their figures are multiplied by."""

NUMBER = re.compile(
    r"(?<![\w.,/-])(?P<first>\d{1,3}(?:,\d{3})+|\d+)(?P<rest>\.\d+)?"
    r"(?=(?:(?:-| to | and | or )[\d.,]+)?(?: (?P<unit>%|k|M|µJ|microjoules|ms|s|pixels|steps|"
    r"minutes|hours)(?![\w]))?)(?![\w]*\d)"
)
NO_FIGURE = re.compile(
    r"(?ms:^```.*?^```$)"  # code
    r"|^    .*$"
    r"|`[^`\n]*`"
    r"|(?s:<!--.*?-->)"
    r"|\]\([^)]*\)"  # where a link leads
    r"|https?://\S+"
    r"|^\s*\d+\.(?= )"  # the number of a list's item
    r"|Apache-2\.0|CC BY(?:-SA)? 4\.0|Python 3\.\d+"  # versions
    r"|AVX-512|CIFAR-10|DVS128|N-MNIST|T = 1"  # names
    r"|\(\w+(?: et al\.)?,? (?:19|20)\d\d\)",  # a citation
    re.MULTILINE,
)
"""What of a page says nothing that was measured."""


def uncommitted(text: str) -> list[str]:
    """The numbers of a page's prose that no committed row holds, as they are printed."""
    named = [name for name in _files() if f"{name}.json" in text]
    prose = NO_FIGURE.sub(" ", BLOCK.sub("", text))
    prose = " ".join(prose.split())
    for phrase in (*QUOTED, *derived_phrases()):
        prose = prose.replace(phrase, " ")
    found = []
    for match in NUMBER.finditer(prose):
        digits = (match["rest"] or ".")[1:]
        number = float((match["first"] + (match["rest"] or "")).replace(",", ""))
        if round(number, len(digits)) not in _figures(tuple(named), match["unit"], len(digits)):
            found.append(f"{match[0]} {match['unit'] or ''}".strip())
    return found


@functools.cache
def derived_phrases() -> tuple[str, ...]:
    """The phrases of derived.py with their numbers."""
    return tuple(phrase.format(*numbers()) for phrase, numbers in DERIVED.items())


@functools.cache
def _files() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in RESULTS.glob("*.json")))


@functools.cache
def _figures(names: tuple[str, ...], unit: str | None, digits: int) -> frozenset[float]:
    """Every figure of some files with a unit, rounded."""
    columns, factors = UNITS[unit] if unit else (None, (1,))
    return frozenset(
        round(figure * factor, digits)
        for figure in _of_rows(names or _files(), columns)
        for factor in factors
    )


def _of_rows(names: Iterable[str], columns: tuple[str, ...] | None) -> Iterator[float]:
    for name in names:
        for row in committed(name).rows:
            for column, figure in row.items():
                number = isinstance(figure, int | float) and not isinstance(figure, bool)
                if number and (columns is None or column in columns):
                    yield figure


def checked_pages() -> list[Path]:
    """README.md and the pages of results."""
    return [ROOT / "README.md", *sorted((ROOT / "docs" / "results").rglob("*.md"))]


def main(*names: str) -> int:
    """Name what no row holds; 1 if there is anything."""
    faults = 0
    for page in map(Path, names) if names else checked_pages():
        for number in uncommitted(page.read_text(encoding="utf-8")):
            print(f"{page}: {number}")
            faults += 1
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
