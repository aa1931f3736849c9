"""Measure what the docs quote of trained models and of speed, one file each in benchmarks/results.

python benchmarks/run.py [NAME...]; without a name, all of them. What needs recordings that are not
in the folder that NEUROSVT_DATA names, or a training that was not done here, is left out, with a
word. What trains many models by itself is apart: baselines.py, ablation.py, gestures.py.
"""

import sys

from committed import RESULTS

from neurosvt.cli import main
from neurosvt.datasets.folder import data_root
from neurosvt.experiments.checkpoints import finished

MEASUREMENTS: dict[str, list[str]] = {
    "permanence": ["permanence", "--suite", "full"],
    "permanence_3000": [
        "permanence", "--memory", "leaky", "--state-noise", "0.01", "--hidden", "3000", "--tiers",
        "blackout,curtain,gripper,distractor,succession",
    ],
    "energy_dysvit": ["energy", "dysvit"],
    "nmnist": ["permanence", "nmnist", "--state-noise", "0.01", "--hidden", "30,300"],
    "weights": [
        "permanence", "--memory", "leaky", "--weights", "int16,int8", "--state-noise", "0.01",
        "--hidden", "60",
    ],
    "weights_nmnist": [
        "permanence", "nmnist", "--memory", "leaky", "--weights", "int16,int8", "--state-noise",
        "0.01", "--hidden", "30",
    ],
    "demo": ["demo"],
    "dysvit": ["evaluate", "dysvit", "--engine", "none"],
    "dysvit_fp32": ["evaluate", "dysvit"],
    "dysvit_int8": ["evaluate", "dysvit", "--engine", "int8"],
    "dysvit_protocol": ["evaluate", "dysvit_protocol", "--engine", "none"],
    "slopes": ["heatmap", "dysvit_protocol"],
    "neurons": ["bench", "neurons"],
    "train": ["bench", "train"],
    "formats": ["bench", "formats"],
    "latency": ["bench", "latency", "--rounds", "101"],
    # What is local, from `neurosvt train` of each, of hidden_objects_none and of pendulum_none.
    "dvs128_objects": ["evaluate", "runs/dvs128_objects", "--confusion"],
    "dvs128_objects_200ms": ["evaluate", "runs/dvs128_objects_200ms", "--confusion"],
    "hidden_objects": [
        "permanence", "runs/hidden_objects", "--state-noise", "0.01", "--hidden", "30,300",
        "--memory", "leaky,none,latch,last_seen,velocity",
    ],
    "pendulum": [
        "permanence", "runs/pendulum", "--state-noise", "0.01", "--hidden", "30,60,300",
        "--memory", "leaky,none,latch,last_seen,velocity",
    ],
    # What is dense beside it is counted untrained, unless it was trained here.
    "energy": ["energy", "permanence"],
}  # fmt: skip
"""Name to the command that measures it."""

NEEDS = {
    "nmnist": "nmnist_small",
    "weights_nmnist": "nmnist_small",
    "dysvit": "cifar10",
    "dysvit_fp32": "cifar10",
    "dysvit_int8": "cifar10",
    "dysvit_protocol": "cifar10",
    "slopes": "cifar10",
    "energy_dysvit": "cifar10",
    "dvs128_objects": "dvs128_objects",
    "dvs128_objects_200ms": "dvs128_objects",
    "hidden_objects": "dvs128_objects",
    "pendulum": "dvs128_objects",
}
"""Folders of data sets without which there is nothing to measure."""


def measure(name: str) -> None:
    """Measure one and write its file."""
    needed = NEEDS.get(name)
    if needed and not (data_root() / needed).is_dir():
        print(f"{name}: left out, there is no {needed} in {data_root()}", file=sys.stderr)
        return
    for word in MEASUREMENTS[name]:
        if word.startswith("runs/") and not finished(word):
            print(f"{name}: left out, {word} is not trained", file=sys.stderr)
            return
    path = RESULTS / f"{name}.json"
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
        measure(name)
