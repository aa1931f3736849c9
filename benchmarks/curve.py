"""The curve of a training, as JSON and as the picture in the README.

python benchmarks/curve.py RUN NAME: RUN is a run folder, NAME the preset that was trained there.
Writes benchmarks/results/training_NAME_....json and docs/images/training_NAME.svg.
"""

import datetime
import json
import platform
import sys
from pathlib import Path

from matplotlib import pyplot as plt

from neurosvt.cli.output import write_json

HERE = Path(__file__).parent


def main(run: str, name: str) -> None:
    """Read the run's history, write both."""
    rows = json.loads((Path(run) / "history.json").read_text())["history"]
    today = datetime.date.today().isoformat()
    path = HERE / "results" / f"training_{name}_{platform.machine()}_{today}.json"
    write_json(path, f"neurosvt train {name}", rows)

    minutes = [row["seconds"] / 60 for row in rows]
    plt.rcParams["svg.hashsalt"] = name  # the same picture from the same rows, to the byte
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    curves = {"visible": "while it is seen"}
    curves |= {
        key: f"after {key.removeprefix('belief_')} hidden frames"
        for key in rows[-1]
        if key.startswith("belief_")
    }
    for key, label in curves.items():
        axes.plot(minutes, [row[key] for row in rows], marker=".", label=label)
    axes.set(xlabel="minutes of training", ylabel="right on validation scenes", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    picture = HERE.parent / "docs" / "images" / f"training_{name}.svg"
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, metadata={"Date": None})
    print(path, picture, sep="\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
