"""Measure everything that the README quotes, one JSON file each, and say where it went.

python benchmarks/run.py [NAME...]; without a name, all of them. The real recordings are looked for
in the folder that NEUROSVT_DATA names, and left out, with a word, where they are not.
"""

import datetime
import platform
import sys
from pathlib import Path

from neurosvt.cli import main
from neurosvt.data.folder import data_root

RESULTS = Path(__file__).parent / "results"

MEASUREMENTS: dict[str, list[str]] = {
    "permanence": ["permanence", "--suite", "full"],
    "energy_dysvit": ["energy", "dysvit"],
    "nmnist": ["permanence", "nmnist", "--state-noise", "0.01", "--hidden", "30,300"],
    "demo": ["demo"],
    "dysvit_protocol": ["evaluate", "dysvit_protocol"],
    "slopes": ["heatmap", "dysvit_protocol"],
    "neurons": ["bench", "neurons"],
    "train": ["bench", "train"],
    "formats": ["bench", "formats"],
    # What is local, from `neurosvt train` of each and of hidden_objects_none and pendulum_none.
    "hidden_objects": [
        "permanence", "runs/hidden_objects", "--state-noise", "0.01", "--hidden", "30,300",
        "--memory", "leaky,none,latch,last_seen,velocity",
    ],
    "pendulum": [
        "permanence", "runs/pendulum", "--state-noise", "0.01", "--hidden", "30,60,300",
        "--memory", "leaky,none,latch,last_seen,velocity",
    ],
    # And of permanence, permanence_twin, permanence_vit_tiny.
    "energy": ["energy", "runs/permanence", "--figure", "docs/images/energy.svg"],
}  # fmt: skip
"""Name to the command that measures it."""

NEEDS = {
    "nmnist": "nmnist_small",
    "dysvit_protocol": "cifar10",
    "slopes": "cifar10",
    "energy_dysvit": "cifar10",
    "hidden_objects": "dvs128_objects",
    "pendulum": "dvs128_objects",
}
"""Folders of data sets without which there is nothing to measure."""


def run(name: str) -> None:
    """Measure one and write its file."""
    needed = NEEDS.get(name)
    if needed and not (data_root() / needed).is_dir():
        print(f"{name}: left out, there is no {needed} in {data_root()}", file=sys.stderr)
        return
    today = datetime.date.today().isoformat()
    path = RESULTS / f"{name}_{platform.machine()}_{today}.json"
    code = main([*MEASUREMENTS[name], "--json", str(path)])
    if code:
        raise SystemExit(code)
    print(f"{name}: {path}", file=sys.stderr)


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - MEASUREMENTS.keys()
    if unknown:
        sys.exit(f"{sorted(unknown)[0]!r} is unknown; choose from {', '.join(MEASUREMENTS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MEASUREMENTS:
        run(name)
