"""The curve of a training as rows: python benchmarks/curve.py RUN... NAME.

RUN is a run folder, after those that it started from; NAME the preset that was trained there.
Writes benchmarks/results/training_NAME.json; figures.py draws it.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from committed import RESULTS

from neurosvt.results.rows import write_results


def history(runs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What validation found, run after run, at seconds since the beginning of the first."""
    before = 0.0
    for run in runs:
        told = json.loads((Path(run) / "history.json").read_text(encoding="utf-8"))
        for row in told["history"]:
            yield {"run": Path(run).name, **row, "seconds": before + row["seconds"]}
        before += told["seconds"]


def main(*runs: str, name: str) -> None:
    """Read the runs' history, write it."""
    path = RESULTS / f"training_{name}.json"
    command = "; ".join(f"neurosvt train {Path(run).name}" for run in runs)
    write_results(path, command, history(runs))
    print(path)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:-1], name=sys.argv[-1])
