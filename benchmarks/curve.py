"""The curve of a training, as JSON and as the picture in the README.

python benchmarks/curve.py RUN... NAME: RUN is a run folder, after those that it started from; NAME
the preset that was trained there. Writes benchmarks/results/training_NAME_....json and
docs/images/training_NAME.svg.
"""

import datetime
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from neurosvt.results.rows import write_json

HERE = Path(__file__).parent


def curves(row: dict[str, Any]) -> dict[str, str]:
    """What validation found in a run of hidden objects, or of images; and what to call it."""
    if "visible" not in row:
        return {"score": "images of the validation split"}
    hidden = {
        key: f"after {key.removeprefix('belief_')} hidden frames"
        for key in row
        if key.startswith("belief_")
    }
    return {"visible": "while it is seen", **hidden}


def history(runs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What validation found, run after run, at seconds since the beginning of the first."""
    before = 0.0
    for run in runs:
        told = json.loads((Path(run) / "history.json").read_text())
        for row in told["history"]:
            yield {"run": Path(run).name, **row, "seconds": before + row["seconds"]}
        before += told["seconds"]


def main(*runs: str, name: str) -> None:
    """Read the runs' history, write both."""
    rows = list(history(runs))
    today = datetime.date.today().isoformat()
    path = HERE / "results" / f"training_{name}_{platform.machine()}_{today}.json"
    write_json(path, "; ".join(f"neurosvt train {Path(run).name}" for run in runs), rows)

    minutes = [row["seconds"] / 60 for row in rows]
    plt.rcParams["svg.hashsalt"] = name  # the same picture from the same rows, to the byte
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    for key, label in curves(rows[-1]).items():
        axes.plot(minutes, [row[key] for row in rows], marker=".", label=label)
    axes.set(xlabel="minutes of training", ylabel="right on validation data", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    picture = HERE.parent / "docs" / "images" / f"training_{name}.svg"
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, metadata={"Date": None})
    print(path, picture, sep="\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:-1], name=sys.argv[-1])
