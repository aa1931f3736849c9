"""What there is to report of a run: its settings, its curve, and the rows that were measured of it.

Rows are files of results (`neurosvt.results.rows`) in the run's folder, and those that are named.
A row keeps where it came from, so that every figure of the page can be traced to it.
"""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosvt.config import UserError, as_plain
from neurosvt.experiments.checkpoints import Checkpoint, load
from neurosvt.reading import read_json_table
from neurosvt.results.rows import Results, read_results

USUAL_RUN = {"permanence": "permanence", "energy": "permanence", "latency": "permanence"}
"""Which run a command measures that names none."""


@dataclass(frozen=True)
class RowFigure:
    """A figure that stands in a row of a file."""

    file: str
    row: int
    """Of the file's rows, from 0."""
    name: str
    value: Any

    @property
    def source(self) -> str:
        """Where to look it up."""
        return f"{self.file}#{self.row}.{self.name}"


@dataclass(frozen=True)
class SourcedRow(Mapping[str, Any]):
    """A row, and where it stands."""

    file: str
    index: int
    row: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.row[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.row)

    def __len__(self) -> int:
        return len(self.row)

    def figure(self, name: str) -> RowFigure:
        """One of its figures."""
        return RowFigure(self.file, self.index, name, self.row.get(name))


@dataclass(frozen=True)
class Measurement:
    """A file of results."""

    file: str
    results: Results

    @property
    def rows(self) -> list[SourcedRow]:
        """Its rows, each with its place."""
        return [SourcedRow(self.file, i, row) for i, row in enumerate(self.results.rows)]


@dataclass(frozen=True)
class ReportedRun:
    """All that is known of a run."""

    name: str
    trained: Checkpoint
    curve: Sequence[Mapping[str, Any]]
    """What validation found, step by step; empty where nobody kept it."""
    measurements: Sequence[Measurement]

    @property
    def settings(self) -> dict[str, str]:
        """Every setting by its dotted name."""
        return dict(_flat(as_plain(self.trained.run)))

    def rows_with(self, *names: str) -> list[SourcedRow]:
        """Rows of all measurements that have these columns."""
        return [
            row
            for measurement in self.measurements
            for row in measurement.rows
            if all(name in row for name in names)
        ]


def read_measurements(files: Iterable[Path]) -> list[Measurement]:
    """Files of results, and folders of them, in which what is none of results is passed over.

    Raises:
        UserError: a file that is none of results.
    """
    found = []
    for path in files:
        if not path.is_dir():
            found.append(Measurement(path.name, read_results(path)))
            continue
        for one in sorted(path.glob("*.json")):
            if (results := _results(one)) is not None:
                found.append(Measurement(one.name, results))
    return found


def gather_run(name: str, measured: Iterable[Measurement] = ()) -> ReportedRun:
    """A run by its folder or name, with what was measured of it.

    Args:
        name: a run folder, or a shipped model.
        measured: further results; those of other runs are passed over.

    Raises:
        UserError, FileNotFoundError: as of `load`.
    """
    trained, folder = load(name), Path(name)
    own = sorted(folder.glob("*.json")) if folder.is_dir() else []
    curve: Sequence[Mapping[str, Any]] = []
    found = []
    for path in own:
        if path.name == "history.json":
            curve = read_json_table(path).get("history", [])
        elif (results := _results(path)) is not None:
            found.append(Measurement(path.name, results))
    found += [one for one in measured if of_run(one.results, name)]
    if not curve:
        curve = [row for m in found for row in m.rows if {"step", "loss"} <= row.keys()]
    return ReportedRun(name, trained, curve, found)


def _results(path: Path) -> Results | None:
    try:
        return read_results(path)
    except UserError:
        return None


def of_run(results: Results, name: str) -> bool:
    """Whether a file of results is of this run: its command says so.

    >>> of_run(Results({"command": "neurosvt energy --tier tunnel"}, []), "permanence")
    True
    >>> of_run(Results({"command": "neurosvt evaluate dysvit --confusion"}, []), "permanence")
    False
    """
    try:
        words = shlex.split(str(results.head.get("command", "")).split(";")[-1])
    except ValueError:
        return False
    plain = [word for word in words[1:] if not word.startswith("-")]
    if not plain:
        return False
    if name in plain[1:]:
        return True
    command = plain[1] if plain[0] == "bench" and len(plain) > 1 else plain[0]
    named = len(words) > 2 and not words[2].startswith("-") and plain[0] != "bench"
    return not named and USUAL_RUN.get(command) == name


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", json.dumps(value)
