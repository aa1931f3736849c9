"""The curve of a training as rows: python benchmarks/curve.py RUN... NAME.

RUN is a run folder, after those that it started from; NAME the preset that was trained there.
Writes benchmarks/results/training_NAME.json; figures.py draws it. Stages whose folders are not
here keep the rows that the file holds of them.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from committed import RESULTS

from neurosvt.results.rows import read_results, write_results


def history(runs: Sequence[Path], kept: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What validation found, run after run, at seconds since the beginning of the first."""
    before = 0.0
    for run in runs:
        if (path := run / "history.json").is_file():
            told = json.loads(path.read_text(encoding="utf-8"))
            for row in told["history"]:
                yield {"run": run.name, **row, "seconds": before + row["seconds"]}
            before += told["seconds"]
            continue
        rows = [dict(row) for row in kept if row["run"] == run.name]
        if not rows:
            raise SystemExit(f"{run} has no history.json, and no row is kept of it")
        yield from rows
        before = rows[-1]["seconds"]


def main(*runs: str, name: str) -> None:
    """Read the runs' history, write it."""
    path, folders = RESULTS / f"training_{name}.json", [Path(run) for run in runs]
    kept = read_results(path).rows if path.exists() else []
    command = "; ".join(f"neurosvt train {run.name}" for run in folders)
    write_results(path, command, list(history(folders, kept)))
    print(path)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:-1], name=sys.argv[-1])
