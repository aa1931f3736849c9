"""A camera watched for a million steps: python benchmarks/soak.py [--seconds N] [--json FILE].

A simulated camera of 346 x 260 pixels sees an edge that moves and rests, with sensor noise: 10,000
seconds of it in windows of 10 ms, as fast as the engine goes. Promises held:

- speed: at least ten times real time;
- memory: resident after the first tenth and at the end, within 1 %;
- no drift: the state at the end equals, to the bit, that of a second session which saw everything
  without a stream, and that of the model on its grid, which was given every window as well;
- nothing lost uncounted: events given are events seen, and none is dropped.

Prints one row as JSON; ends with code 1 if a promise is broken.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch

from neurosvt import load
from neurosvt.engine import Engine
from neurosvt.events.recording import EVENT, Fitting
from neurosvt.events.windows import TimeWindows
from neurosvt.live import LiveSource, Stream
from neurosvt.models.neurosvt_state import State
from neurosvt.results.rows import write_results

SENSOR = (346, 260)
SECONDS = 10_000
LEAST_SPEED = 10
CHUNK_US = 1_000_000
RATE = 2_800
"""Events a second, on average."""
AT_ONCE = 500
"""Windows that the model is given together."""


class SimulatedCamera(LiveSource):
    """An edge that moves for two seconds, then rests for two; and noise.

    Args:
        seconds: of the camera's time.
        seed: of where it moves.
    """

    live, waits = False, True

    def __init__(self, seconds: int, seed: int = 0):
        super().__init__("simulated camera", SENSOR)
        self.seconds, self.seed = seconds, seed
        self.given = 0

    def chunks(self) -> Iterator[np.ndarray]:
        self.given = 0
        for second in range(self.seconds):
            events = self._second(second)
            self.given += len(events)
            yield events

    def _second(self, second: int) -> np.ndarray:
        """The events of one second, the same whenever they are asked for."""
        rng = np.random.default_rng([self.seed, second])
        moves = second % 4 < 2
        count = int(rng.poisson(1.8 * RATE if moves else 0.2 * RATE))
        t = np.sort(rng.integers(0, CHUNK_US, count))
        events = np.empty(count, EVENT)
        events["t"] = second * CHUNK_US + t
        events["x"], events["y"] = (rng.integers(0, side, count) for side in SENSOR)
        events["p"] = rng.random(count) < 0.5
        if moves:
            edge = (rng.integers(0, SENSOR[0]) + t * 60 // CHUNK_US) % SENSOR[0]
            on_edge = rng.random(count) < 0.9
            events["x"][on_edge] = np.minimum(edge + rng.integers(0, 6, count), 345)[on_edge]
            events["y"][on_edge] = 100 + events["y"][on_edge] % 60
        return events


def resident_bytes() -> int:
    """Memory of this process that is in the machine, now."""
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * 4096


@torch.no_grad()
def model_state(engine: Engine, camera: SimulatedCamera) -> State:
    """What the model on its grid is left with at the end."""
    fitting, cutter = Fitting(*SENSOR, engine.sensor), TimeWindows(round(engine.frame_ms * 1000))
    windows, state = windows_of(camera, fitting, cutter), engine.session().state()
    while some := [window.frame(engine.sensor) for window in islice(windows, AT_ONCE)]:
        _, state = engine.model(torch.from_numpy(np.stack(some)[:, None]), state)
    return state


def windows_of(camera: SimulatedCamera, fitting: Fitting, cutter: TimeWindows):
    """All windows of a camera as a model sees them, without a stream."""
    fed = (cutter.feed(fitting.fit(events)) for events in camera.chunks())
    for window in chain(chain.from_iterable(fed), cutter.rest()):
        yield replace(window, events=fitting.crowded(window.events))


def replayed(engine: Engine, camera: SimulatedCamera) -> tuple[State, int]:
    """The state of a second session at the end, and its windows."""
    session = engine.session()
    fitting, cutter = Fitting(*SENSOR, engine.sensor), TimeWindows(round(engine.frame_ms * 1000))
    for window in windows_of(camera, fitting, cutter):
        session.push(window.events, asked=False)
    return session.state(), session.steps


def same(a: State, b: State) -> bool:
    """Equal to the bit."""
    return all(torch.equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))


def leaves(state: State) -> Iterator[torch.Tensor]:
    """Every tensor of a state."""
    for part in state:
        if isinstance(part, torch.Tensor):
            yield part
        else:
            yield from (v for block in part for v in block)


def soak(seconds: int, model: str) -> dict:
    """Watch, and hold what was found against the promises: one row."""
    engine = Engine(load(model).model)
    camera = SimulatedCamera(seconds)
    session = engine.session()
    stream = Stream(camera, engine, speed=None, session=session)
    about = max(seconds * CHUNK_US // round(engine.frame_ms * 1000), 10)
    early = highest = 0
    for step in stream:
        if step.belief.window % max(about // 100, 1) == 0:
            now = resident_bytes()
            if step.belief.window <= about // 10:
                early = max(early, now)
            highest = max(highest, now)
    late = resident_bytes()
    summary = stream.summary()
    end, windows = replayed(engine, camera)
    row = {
        "model": model,
        "backend": engine.backend,
        "camera_seconds": summary.stream_seconds,
        "memory_early_mb": early / 2**20,
        "memory_late_mb": late / 2**20,
        "memory_highest_mb": highest / 2**20,
        "memory_growth": late / early - 1,
        "same_as_session": same(session.state(), end) and windows == summary.windows,
        "same_as_model": same(session.state(), model_state(engine, camera)),
        "events_given": camera.given,
        **asdict(summary),
    }
    lost = camera.given - summary.events - summary.dropped_events
    row["events_lost_uncounted"] = lost
    row["kept"] = bool(
        summary.realtime_factor >= LEAST_SPEED
        and abs(row["memory_growth"]) <= 0.01
        and row["same_as_session"]
        and row["same_as_model"]
        and lost == 0
        and summary.dropped_windows == 0
    )
    return row


def main(words: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of the camera's time")
    parser.add_argument("--model", default="permanence", help="run folder or shipped model")
    parser.add_argument("--json", metavar="FILE", help="also write the row")
    args = parser.parse_args(words)
    row = soak(args.seconds, args.model)
    print(json.dumps(row, indent=1))
    if args.json:
        command = " ".join(["python benchmarks/soak.py", *words[: words.index("--json")]])
        write_results(args.json, command, [row])
    return 0 if row["kept"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
