"""What whole numbers of few bits cost in belief, and how quick the C that is written is.

python benchmarks/fixed_point.py [--events N]: judges the shipped `permanence` as it is and in whole
numbers of 16, 8, 6 and 4 bits, without noise on the state; then lets the C of 16 and of 8 bits,
built with the C compiler at -O3 -march=native, and the engine run the same frames in turn. Writes
benchmarks/results/fixed_point.json.
"""

import argparse
import ctypes
import statistics
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from committed import RESULTS

from neurosvt.engine import Engine
from neurosvt.engine.fixed import FIXED
from neurosvt.engine.session import NativeSession
from neurosvt.events.recording import EVENT
from neurosvt.experiments.zoo import in_engine, line_up
from neurosvt.export import export_model
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.score_table import evaluate_permanence
from neurosvt.results.rows import write_results
from neurosvt.scenes.scenes import make_scenes

ROUNDS = 15
C_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("on", "u1")], align=True)


def judged(events: int) -> list[dict[str, Any]]:
    """Belief after 60 hidden frames on every tier, of all widths."""
    lineup = line_up("permanence", ["leaky"])
    plan = PermanencePlan(lineup.run.task("test"), None, (60,), events, seed=0)
    return evaluate_permanence((*lineup.entrants, *in_engine(lineup.entrants, FIXED)), plan)


def timed(bits: int) -> dict[str, Any]:
    """Microseconds of a frame of a scene, every one asked for a belief: of the C and of the engine
    with weights of as many bits."""
    checkpoint = line_up("permanence", ["leaky"]).entrants[0].model
    scenes = make_scenes("curtain", seed=7, batch=1, seen=40, hidden=10, after=10)
    frames = scenes.frames[:, 0]
    engine = Engine(checkpoint, weights=f"int{bits}", backend="native")
    given = []
    for frame in frames:
        polarity, y, x = frame.nonzero()
        events = np.zeros(len(x), C_EVENT)
        events["x"], events["y"], events["on"] = x, y, polarity
        given.append(events)
    with TemporaryDirectory() as folder:
        export_model(checkpoint, "c", folder, bits=bits)
        built = Path(folder) / "model.so"
        subprocess.run(
            ["cc", "-std=c11", "-O3", "-march=native", "-fPIC", "-shared", "-o", built,
             Path(folder) / "neurosvt_model.c"], check=True,
        )  # fmt: skip
        library = ctypes.CDLL(str(built))
        state, answer = np.zeros(1 << 20, np.int64), np.zeros(4096, np.int32)
        at = [(ctypes.c_void_p(one.ctypes.data), len(one)) for one in given]
        place, said = ctypes.c_void_p(state.ctypes.data), ctypes.c_void_p(answer.ctypes.data)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            session = engine.session()
            assert isinstance(session, NativeSession)
            records = [as_records(one) for one in given]
            begun = time.thread_time_ns()
            for one in records:
                engine.doors.engine_push(session.address, one.ctypes.data, len(one), 0, 1)  # type: ignore[union-attr]
            theirs.append((time.thread_time_ns() - begun) / len(frames))
            library.nsvt_start(place)
            begun = time.thread_time_ns()
            for where, count in at:
                library.nsvt_step(place, where, count, said)
            ours.append((time.thread_time_ns() - begun) / len(frames))
    c, own = statistics.median(ours) / 1000, statistics.median(theirs) / 1000
    return {
        "judgement": "time", "bits": bits, "rounds": ROUNDS, "frames": len(frames),
        "events_mean": float(np.mean([len(one) for one in given])), "c_us": c, "engine_us": own,
        "ratio": c / own,
    }  # fmt: skip


def as_records(events: np.ndarray) -> np.ndarray:
    """The same events as the engine takes them."""
    records = np.zeros(len(events), EVENT)
    records["x"], records["y"], records["p"] = events["x"], events["y"], events["on"]
    return records


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000, help="a cell")
    parser.add_argument("--only-time", action="store_true", help="print the times, write nothing")
    args = parser.parse_args()
    torch.set_num_threads(1)
    times = [timed(bits) for bits in (16, 8)]
    for row in times:
        print(row)
    if args.only_time:
        return
    path = RESULTS / "fixed_point.json"
    command = f"python benchmarks/fixed_point.py --events {args.events}"
    write_results(path, command, [*judged(args.events), *times])
    print(path)


if __name__ == "__main__":
    main()
