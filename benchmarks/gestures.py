"""From raw gestures to a judged model, on made-up ones in the layout of DVS128 Gesture.

python benchmarks/gestures.py: makes them up, prepares them, trains `dvs128` for 400 steps (stopped
by Ctrl-C after the first look at validation, and resumed), and judges it, all in runs/gestures.
Writes benchmarks/results/gestures_....json; takes five minutes or so.
"""

import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from neurosvt.results.rows import write_json

HERE = Path(__file__).parent
PLACE = Path("runs/gestures")
COMMAND = [sys.executable, "-m", "neurosvt"]
TRAINING = [
    "train", "dvs128", "--out", "trained", "--set", "train.steps=400",
    "--set", "train.validate_every=100",
]  # fmt: skip


def call(*words: str) -> None:
    """One command in the folder, with the data sets there."""
    subprocess.run([*COMMAND, *words], cwd=PLACE, env=environment(), check=True)


def environment() -> dict[str, str]:
    """This one's, but for the folder of data sets."""
    return os.environ | {"NEUROSVT_DATA": "data"}


def train() -> None:
    """In two sittings."""
    first = subprocess.Popen([*COMMAND, *TRAINING], cwd=PLACE, env=environment())
    while first.poll() is None and not (PLACE / "trained" / "history.json").exists():
        time.sleep(1)
    first.send_signal(signal.SIGINT)
    if first.wait() != 130:
        sys.exit("the training could not be stopped")
    call(*TRAINING, "--resume")


def main() -> None:
    """All of it, and the row."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    call("data", "generate", "dvs128", "data/DVS128Gesture/download")
    call("data", "prepare", "dvs128", "data/DVS128Gesture")
    train()
    call("evaluate", "trained", "--json", "row.json")
    (row,) = json.loads((PLACE / "row.json").read_text())["rows"]
    about = json.loads((PLACE / "trained" / "history.json").read_text())
    training = {
        "steps": about["history"][-1]["step"],
        "minutes": about["seconds"] / 60,
        "waited_share": about["waited"] / about["seconds"],
        "validation": " ".join(f"{entry['score']:.3f}" for entry in about["history"]),
    }
    today = datetime.date.today().isoformat()
    path = HERE / "results" / f"gestures_{platform.machine()}_{today}.json"
    row |= {"model": "dvs128", "dataset": "made-up gestures"}
    write_json(path, "python benchmarks/gestures.py", [{**row, **training}])
    print(path)


if __name__ == "__main__":
    main()
