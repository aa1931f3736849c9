"""Results as data: one JSON document a measurement, its head first, then a row a line.

    {
    "command": "neurosvt permanence --suite full --seed 0",
    "version": "0.1.0",
    "commit": "1dea971",
    "date": "2026-11-26",
    "hardware": {"cpu": "AMD EPYC", "cores": 2, ...},
    "rows": [
    {"memory": "leaky", "tier": "blackout", "hidden_frames": 30, "judgement": "belief", ...},
    ...
    ]}

`json.load` reads it, `grep` finds a row in it, and `git diff` shows the rows that changed.

A row is flat: first what was varied, then figures with their units in the name (`place_error_px`,
`median_ms`, `joules_per_frame`). Shares are fractions in [0, 1]. One figure has one name in all
files: `judgement` says when an answer was judged, `train_steps` for how long a model was trained.
`low` and `high` are 95 % intervals as `neurosvt.stats` makes them, unless the head's `interval`
says otherwise.
"""

import csv
import datetime
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosvt import __version__
from neurosvt.config import UserError
from neurosvt.files import write_whole
from neurosvt.reading import read_json, read_json_table
from neurosvt.results.commit import current_commit
from neurosvt.results.hardware import hardware
from neurosvt.results.places import check_writable


@dataclass(frozen=True)
class Results:
    """A measurement as its file holds it."""

    head: Mapping[str, Any]
    """Command, version, commit, date, hardware, and whatever else holds for all rows."""
    rows: list[dict[str, Any]]


def write_results(path: str | Path, command: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows of a measurement; the file appears whole or not at all.

    Args:
        path: where to; a file that is there already is replaced.
        command: the command line that makes these rows again.
        rows: each flat: what was varied, then figures with their units in the name. A figure that
            does not exist (NaN, infinity, None) becomes null, for JSON has no word for it.

    Raises:
        UserError: `path` cannot be written.
        TypeError: a row holds what is neither text nor a number.
    """
    check_writable(path)
    head = {
        "command": command,
        "version": __version__,
        "commit": current_commit(),
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
    }
    write_whole(Path(path), _as_text(Results(head, plain(rows))).encode())


def write_csv(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as a table of text, its columns in the order in which they first come; the file
    appears whole or not at all.

    Raises:
        UserError: `path` cannot be written.
    """
    check_writable(path)
    rows = plain(rows)
    text = io.StringIO()
    table = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    table.writeheader()
    table.writerows(rows)
    write_whole(Path(path), text.getvalue().encode())


def _as_text(results: Results) -> str:
    """The document of results, a row a line."""
    head = (f"{_json(name)}: {_json(value)},\n" for name, value in results.head.items())
    rows = ",\n".join(map(_json, results.rows))
    return "{\n" + "".join(head) + f'"rows": [\n{rows}\n]}}\n'


def read_results(path: str | Path) -> Results:
    """A file of results.

    Raises:
        UserError: there is no such file, or it is none of results.
    """
    try:
        document = read_json_table(path)
    except FileNotFoundError:
        raise UserError(f"there are no results at {path}") from None
    except UserError:
        document = {}
    rows = document.pop("rows", None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} is no file of results: JSON with a head and rows")
    return Results(document, rows)


def plain(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: a figure that does not exist becomes null."""
    return [{name: _scalar(value) for name, value in row.items()} for row in rows]


def load_or_compute(
    path: Path, compute: Callable[[], Iterable[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Rows from their file if it is there, and otherwise into it."""
    if path.exists():
        kept: list[dict[str, Any]] = read_json(path)
        return kept
    rows = plain(compute())
    write_whole(path, json.dumps(rows).encode())
    return rows


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _scalar(value: Any) -> Any:
    """A numpy or torch scalar as Python's own, and no figure as None."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
