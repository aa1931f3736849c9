"""A camera in rough weather: python benchmarks/rough.py [--minutes N] [--json FILE].

The camera of soak.py for half an hour, with what cameras do where nobody watches: pixels that never
rest, a light that flickers, a burst of 100 million events a second every minute, and three hours of
nothing every ten minutes. It is watched in two ways.

- *whole*: as fast as the engine goes. Nothing is lost, gaps are told as long as they were, memory
  grows by at most 1 % after the first tenth, and the 99th percentile of the engine stays within a
  quarter of what it was then.
- *shed*: as it comes, a second of the burst on end, which no engine follows. Events given are
  events seen and events told as dropped, the last window is seen, and no more waits than fits.

Prints a row for each as JSON; ends with code 1 if a promise is broken.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from time import monotonic

import numpy as np
from soak import CHUNK_US, SENSOR, SimulatedCamera, resident_bytes

from neurosvt import load
from neurosvt.engine import Engine
from neurosvt.events.recording import EVENT
from neurosvt.events.windows import LONGEST_GAP_US
from neurosvt.live import Stream
from neurosvt.live.stream import QUEUE_EVENTS
from neurosvt.live.summary import Durations, StreamSummary
from neurosvt.results.rows import write_results

MINUTES = 30.0
HOT_PIXELS, HOT_HZ = 6, 500
FLICKER_HZ = 100
"""Of the mains: a lamp gets brighter and darker a hundred times a second."""
FLICKER_SIDE = 48
BURST_US, BURST_EVENTS = 10_000, 1_000_000
GAP_S = 3 * 3600
MINUTE, TEN_MINUTES = 60, 600
SHED_BURSTS = 100
"""One after the other, each of a window: a second."""
SHED_MEMORY_MB = 400
"""That the shedding may add: what waits, what is read ahead, and a window's work."""


class RoughCamera(SimulatedCamera):
    """Until it is told to stop; seconds are counted without the gaps."""

    def __init__(self, minutes: float):
        super().__init__(0)
        self.ends = monotonic() + 60 * minutes
        self.gaps = 0

    def chunks(self) -> Iterator[np.ndarray]:
        second = 0
        while monotonic() < self.ends:
            events = self._second(second)
            self.gaps = second // TEN_MINUTES
            events["t"] += self.gaps * GAP_S * 1_000_000
            self.given += len(events)
            yield events
            second += 1

    def _second(self, second: int) -> np.ndarray:
        rng = np.random.default_rng([1, second])
        parts = [super()._second(second), self._hot(second), self._flicker(rng, second)]
        if second % MINUTE == MINUTE // 2:
            parts.append(burst(second * CHUNK_US, rng))
        events = np.concatenate(parts)
        return events[np.argsort(events["t"], kind="stable")]

    def _hot(self, second: int) -> np.ndarray:
        """Pixels that fire all the time, each at its own place."""
        events = np.zeros(HOT_PIXELS * HOT_HZ, EVENT)
        pixel = np.arange(len(events)) % HOT_PIXELS
        events["t"] = second * CHUNK_US + np.arange(len(events)) * (CHUNK_US // len(events))
        events["x"], events["y"], events["p"] = 17 + 50 * pixel, 31 + 30 * pixel, True
        return events

    def _flicker(self, rng: np.random.Generator, second: int) -> np.ndarray:
        """Every other ten seconds, a lamp: all its pixels at once, on and off in turn."""
        if second // 10 % 2:
            return np.empty(0, EVENT)
        y, x = np.divmod(np.arange(FLICKER_SIDE**2), FLICKER_SIDE)
        flashes = np.repeat(np.arange(2 * FLICKER_HZ), len(x))
        events = np.zeros(len(flashes), EVENT)
        half = CHUNK_US // (2 * FLICKER_HZ)
        events["t"] = second * CHUNK_US + flashes * half + rng.integers(0, 300, len(events))
        events["x"], events["y"] = np.tile(x, 2 * FLICKER_HZ), np.tile(y, 2 * FLICKER_HZ)
        events["p"] = flashes % 2 == 0
        return events


def burst(start_us: int, rng: np.random.Generator) -> np.ndarray:
    """100 million events a second from everywhere, for 10 ms."""
    events = np.empty(BURST_EVENTS, EVENT)
    events["t"] = start_us + np.arange(BURST_EVENTS) * BURST_US // BURST_EVENTS
    events["x"], events["y"] = (rng.integers(0, side, BURST_EVENTS) for side in SENSOR)
    events["p"] = rng.random(BURST_EVENTS) < 0.5
    return events


class BurstingCamera(SimulatedCamera):
    """A live one: nothing but bursts, then a calm second; no faster or slower than it is read."""

    live, waits = True, False

    def __init__(self, bursts: int):
        super().__init__(0)
        self.bursts = bursts

    def chunks(self) -> Iterator[np.ndarray]:
        events = burst(0, np.random.default_rng(0))
        for number in range(self.bursts):
            now = events.copy()
            now["t"] += number * BURST_US
            self.given += len(now)
            yield now
        calm = super()._second(0)
        calm["t"] += self.bursts * BURST_US
        self.given += len(calm)
        yield calm


def counted(camera: SimulatedCamera, summary: StreamSummary) -> dict:
    """What the camera gave, what of it nobody told of, and what the stream says of itself."""
    lost = camera.given - summary.events - summary.dropped_events
    return {"events_given": camera.given, "events_lost_uncounted": lost, **asdict(summary)}


def whole(engine: Engine, minutes: float) -> dict:
    """As fast as it goes, with all that comes."""
    camera = RoughCamera(minutes)
    stream = Stream(camera, engine, speed=None)
    start, early = monotonic(), 0
    first: Durations | None = None
    for step in stream:
        if first is None:
            if step.belief.window % 1_000 == 0:
                early = max(early, resident_bytes())
            if monotonic() - start > 6 * minutes:  # a tenth
                first, stream.tally.engine = stream.tally.engine, Durations()
    late, summary = resident_bytes(), stream.summary()
    assert first is not None
    p99 = first.percentile(0.99)
    skipped = camera.gaps * (GAP_S - LONGEST_GAP_US / 1e6)
    row = {
        "what": "whole",
        "camera_hours": (summary.stream_seconds + summary.skipped_seconds) / 3600,
        "memory_early_mb": early / 2**20,
        "memory_late_mb": late / 2**20,
        "memory_growth": late / early - 1,
        "engine_p99_early_us": p99,
        "gaps": camera.gaps,
        **counted(camera, summary),
    }
    row["kept"] = bool(
        row["events_lost_uncounted"] == summary.dropped_events == 0
        and row["memory_growth"] <= 0.01
        and abs(summary.engine_p99_us / p99 - 1) <= 0.25
        and abs(summary.skipped_seconds - skipped) < camera.gaps + 1
    )
    return row


def shed(engine: Engine) -> dict:
    """More than it can follow."""
    camera = BurstingCamera(SHED_BURSTS)
    before, highest, last = resident_bytes(), 0, 0
    stream = Stream(camera, engine, speed=1.0)
    for step in stream:
        highest, last = max(highest, resident_bytes()), step.belief.window
    summary = stream.summary()
    row = {
        "what": "shed",
        "memory_added_mb": (highest - before) / 2**20,
        "last_window": last,
        "most_waiting_events": QUEUE_EVENTS,
        **counted(camera, summary),
    }
    row["kept"] = bool(
        row["events_lost_uncounted"] == 0
        and summary.dropped_events > 0
        and last == SHED_BURSTS + 99
        and row["memory_added_mb"] <= SHED_MEMORY_MB
    )
    return row


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="on the wall")
    parser.add_argument("--model", default="permanence", help="run folder or shipped model")
    parser.add_argument("--json", metavar="FILE", help="also write the rows")
    args = parser.parse_args()
    engine = Engine(load(args.model).model)
    rows = [{"model": args.model, **row} for row in (shed(engine), whole(engine, args.minutes))]
    print(json.dumps(rows, indent=1))
    if args.json:
        write_results(args.json, f"python benchmarks/rough.py --minutes {args.minutes:g}", rows)
    return int(not all(row["kept"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
