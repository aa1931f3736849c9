"""What whole numbers of few bits cost in belief, and how quick the C that is written is.

python benchmarks/fixed_point.py [--events N]: judges the shipped `permanence` as it is and in whole
numbers of 16, 8, 6 and 4 bits, without noise on the state: benchmarks/results/fixed_point.json.
Then it times.

python benchmarks/fixed_point.py --only-time: the C of 16 and of 8 bits, built with and without
-march=native, and the engine see the same frames in turn: benchmarks/results/c_latency.json.
"""

import argparse
import ctypes
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from committed import RESULTS

from neurosvt.bench.films import Film, recorded_films, scene_films
from neurosvt.cli import main as neurosvt
from neurosvt.engine import Engine
from neurosvt.engine.fixed import FIXED
from neurosvt.engine.session import NativeSession
from neurosvt.events.recording import EVENT
from neurosvt.experiments.checkpoints import load
from neurosvt.export import export_model
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.results.rows import write_results

ROUNDS = 101
FLAGS = {"-O3": [], "-O3 -march=native": ["-march=native"]}
DEFAULT = "engine, int16"
"""What times are told relative to: the engine with the weights that it has by default."""
C_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("on", "u1")], align=True)

Step = Callable[[int], object]
"""Runs one frame of a film; all is laid out, so that nothing else is timed."""


def judged(events: int) -> None:
    """Belief after 60 hidden frames, on every tier, of all widths."""
    words = ["permanence", "permanence", "--memory", "leaky", "--weights", ",".join(FIXED)]
    words += ["--hidden", "60", "--events", str(events)]
    code = neurosvt([*words, "--json", str(RESULTS / "fixed_point.json")])
    if code:
        sys.exit(code)


def engines(model: NeuroSVT, film: Film) -> Iterator[tuple[str, Step]]:
    """The engine with weights of every width."""
    frames = [events_of(frame, EVENT, "p") for frame in film.frames]
    for weights in ("int16", "int8"):
        engine = Engine(model, weights=weights, backend="native")
        session = engine.session()
        assert isinstance(session, NativeSession)
        push = partial(engine.doors.engine_push, session.address)  # type: ignore[union-attr]
        given = [(one.ctypes.data, len(one), 0, 1) for one in frames]
        yield f"engine, {weights}", partial(run, push, given, (frames, session))


def written(libraries: dict[str, ctypes.CDLL], film: Film) -> Iterator[tuple[str, Step]]:
    """What was written as C."""
    frames = [events_of(frame, C_EVENT, "on") for frame in film.frames]
    for name, library in libraries.items():
        state, answer = np.zeros(1 << 20, np.int64), np.zeros(4096, np.int32)
        at, said = ctypes.c_void_p(state.ctypes.data), ctypes.c_void_p(answer.ctypes.data)
        library.nsvt_start(at)
        step = partial(library.nsvt_step, at)
        given = [(ctypes.c_void_p(one.ctypes.data), len(one), said) for one in frames]
        yield name, partial(run, step, given, (frames, state, answer))


def run(step: Callable[..., object], given: list[tuple[Any, ...]], kept: object, t: int) -> None:
    """Frame `t`; `kept` is what addresses lead to."""
    step(*given[t])


def events_of(frame: np.ndarray, kind: np.dtype, polarity: str) -> np.ndarray:
    """Events of a frame (2, Y, X)."""
    events = np.zeros(int(frame.sum()), kind)
    events[polarity], events["y"], events["x"] = frame.nonzero()
    return events


def built(model: NeuroSVT, folder: Path) -> dict[str, ctypes.CDLL]:
    """C of both widths with all flags."""
    found = {}
    for bits, (flags, more) in product((16, 8), FLAGS.items()):
        path = folder / f"{bits}{len(more)}.so"
        export_model(model, "c", folder / str(bits), bits=bits)
        source = folder / str(bits) / "neurosvt_model.c"
        command: list[str | Path] = [
            "cc", "-std=c11", "-O3", *more, "-fPIC", "-shared", "-o", path, source,
        ]  # fmt: skip
        subprocess.run(command, check=True)
        found[f"C, {bits} bits, {flags}"] = ctypes.CDLL(str(path))
    return found


def timed(film: Film, steps: dict[str, Step]) -> Iterator[dict[str, Any]]:
    """Rows: the fastest and the middle of every frame's times, in the mean of all frames."""
    frames = range(len(film.frames))
    times = {name: np.zeros((ROUNDS, len(film.frames))) for name in steps}
    for turn in range(ROUNDS):
        for name, step in steps.items():
            step(0)  # so that each finds its caches as it left them
            for t in frames:
                begun = time.perf_counter_ns()
                step(t)
                times[name][turn, t] = time.perf_counter_ns() - begun
    found = {
        name: (each.min(0).mean() / 1000, np.median(each, 0).mean() / 1000)
        for name, each in times.items()
    }
    for name, (least, median) in found.items():
        yield {
            "name": name, "what": film.kind, "shape": film.shape, "threads": 1, "rounds": ROUNDS,
            "min_us": least, "median_us": median, "min_of_engine": least / found[DEFAULT][0],
            "median_of_engine": median / found[DEFAULT][1],
        }  # fmt: skip


def measured() -> Iterator[dict[str, Any]]:
    """Times on frames of a scene and of a recording, every one asked for a belief."""
    model = load("permanence").model
    assert isinstance(model, NeuroSVT)
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        libraries = built(model, Path(folder))
        for film in (scene_films()[-1], *recorded_films("object", 64)[:1]):
            yield from timed(film, dict([*engines(model, film), *written(libraries, film)]))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000, help="a cell")
    parser.add_argument("--only-time", action="store_true", help="judge nothing")
    args = parser.parse_args()
    if not args.only_time:
        judged(args.events)
    rows = list(measured())
    for row in rows:
        print(row)
    write_results(RESULTS / "c_latency.json", "python benchmarks/fixed_point.py --only-time", rows)


if __name__ == "__main__":
    main()
