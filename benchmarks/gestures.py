"""From raw gestures to a judged model, on made-up ones in the layout of DVS128 Gesture.

python benchmarks/gestures.py: makes them up, prepares them, trains `dvs128` for 400 steps (stopped
by Ctrl-C after the first look at validation, and resumed), and judges it, all in runs/gestures.
Writes benchmarks/results/gestures.json; takes five minutes or so.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from committed import RESULTS

from neurosvt.results.rows import read_results, write_results

FOLDER = Path("runs/gestures")
COMMAND = [sys.executable, "-m", "neurosvt"]
TRAINING = [
    "train", "dvs128", "--out", "trained", "--set", "train.steps=400",
    "--set", "train.validate_every=100",
]  # fmt: skip


def call(*words: str) -> None:
    """One command in the folder, with the data sets there."""
    subprocess.run([*COMMAND, *words], cwd=FOLDER, env=environment(), check=True)


def environment() -> dict[str, str]:
    """This one's, but for the folder of data sets."""
    return os.environ | {"NEUROSVT_DATA": "data"}


def train() -> None:
    """In two sittings."""
    first = subprocess.Popen([*COMMAND, *TRAINING], cwd=FOLDER, env=environment())
    while first.poll() is None and not (FOLDER / "trained" / "history.json").exists():
        time.sleep(1)
    first.send_signal(signal.SIGINT)
    if first.wait() != 130:
        sys.exit("the training could not be stopped")
    call(*TRAINING, "--resume")


def main() -> None:
    """All of it, and the row."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    call("data", "generate", "dvs128", "data/DVS128Gesture/download")
    call("data", "prepare", "dvs128", "data/DVS128Gesture")
    train()
    call("evaluate", "trained", "--json", "row.json")
    (row,) = read_results(FOLDER / "row.json").rows
    about = json.loads((FOLDER / "trained" / "history.json").read_text(encoding="utf-8"))
    training = {
        "train_steps": about["history"][-1]["step"],
        "minutes": about["seconds"] / 60,
        "waited_share": about["waited"] / about["seconds"],
        "validation": " ".join(f"{entry['score']:.3f}" for entry in about["history"]),
    }
    path = RESULTS / "gestures.json"
    row |= {"model": "dvs128", "dataset": "made-up gestures"}
    write_results(path, "python benchmarks/gestures.py", [{**row, **training}])
    print(path)


if __name__ == "__main__":
    main()
