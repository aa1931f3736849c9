"""A stream of events in, beliefs out: a thread that reads and cuts, a queue, and the engine.

    with open_live_source("recording.raw", size=engine.sensor, frame_us=10_000) as source:
        for step in Stream(source, engine, speed=None):
            print(step.belief.class_name, step.belief.pixel)

Units: t in microseconds of the events' own clock.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.engine import Engine, Session
from neurosvt.events.recording import Fitting
from neurosvt.events.windows import (
    JUMP_US,
    LONGEST_GAP_US,
    CountWindows,
    EventWindow,
    TimeWindows,
    WindowCutter,
)
from neurosvt.experiments.predictions import (
    WindowPrediction,
    checked_share,
    names_of_classes,
    window_prediction,
)
from neurosvt.live.bounded_queue import BoundedQueue
from neurosvt.live.clock import ArrivalClock, Playback
from neurosvt.live.source import LiveSource
from neurosvt.live.summary import StreamSummary, StreamTally
from neurosvt.presence import FORGOTTEN

QUEUE_WINDOWS = 64
"""That may wait for the engine."""
QUEUE_EVENTS = 4_000_000
"""In them: 52 MB. A burst makes windows of a million."""
AHEAD = 64
"""Windows that are cut in one go: a hundred wakings a second are dearer than what they do."""


@dataclass(frozen=True)
class StreamStep:
    """A belief, and what it took to get there."""

    belief: WindowPrediction
    engine_us: float
    """What the engine took."""
    latency_us: float
    """From when the window was cut to when the belief was there."""
    dropped: int
    """Windows dropped so far."""

    def row(self) -> dict[str, Any]:
        """What goes into a line of JSON."""
        belief = self.belief
        return {
            "t_us": belief.t_us,
            "window": belief.window,
            "events": belief.events,
            "class": belief.class_name,
            "probabilities": belief.probabilities,
            "position": belief.position,
            "pixel": belief.pixel,
            "presence": belief.presence,
            "presence_probability": belief.presence_probability,
            "forgotten": belief.forgotten,
            "hidden": belief.hidden,
            "hidden_probability": belief.hidden_probability,
            "operations": belief.operations,
            "engine_us": round(self.engine_us, 1),
            "latency_us": round(self.latency_us, 1),
            "dropped": self.dropped,
        }


class Stream:
    """Beliefs of a stream, one a window; iterated once.

    Args:
        source: gives events.
        engine: runs the model; its frame length is that of a window.
        window_events: windows of so many events instead; the model takes each for one step.
        speed: seconds of the stream a second. None for as fast as it goes: then nothing is dropped,
            and no window is closed by the clock.
        queue_windows: how many may wait for the engine, before the oldest is dropped; windows that
            hold more than `QUEUE_EVENTS` are dropped sooner.
        seconds: end after so many of the stream; None for no end. A live source from which nothing
            comes has a second more on the wall.
        windows: end after so many; None for no end.
        classes: what to call the classes; None for the model's own names.
        forgotten_below: probability of the most likely class below which what is hidden is
            forgotten.
        session: of the engine, to go on with; None for a new one.
        say: told in a line what is dropped, malformed, damaged or skipped.

    Raises:
        UserError: a number that cannot be.
    """

    def __init__(
        self,
        source: LiveSource,
        engine: Engine,
        *,
        window_events: int | None = None,
        speed: float | None = 1.0,
        queue_windows: int = QUEUE_WINDOWS,
        seconds: float | None = None,
        windows: int | None = None,
        classes: Sequence[str] | None = None,
        forgotten_below: float = FORGOTTEN,
        session: Session | None = None,
        say: Callable[[str], None] = lambda line: None,
    ):
        named = {"speed": speed, "seconds": seconds, "windows": windows, "queue": queue_windows}
        for name, value in named.items():
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"{name} must be above 0, got {value}")
        self.source, self.engine, self.say, self.speed = source, engine, say, speed
        self.seconds, self.windows = seconds, windows
        self.forgotten_below = checked_share(forgotten_below)
        self.session = engine.session() if session is None else session
        self.classes = tuple(classes or names_of_classes(engine.model, engine.classes))
        self.fitting = Fitting(*source.sensor, engine.sensor)
        self.cutter: WindowCutter
        if window_events is None:
            # In a live stream the clock steps through silence: what is left is a jump of a clock.
            gap = JUMP_US if source.live and speed is not None else LONGEST_GAP_US
            length = round(engine.frame_ms * 1000)
            self.cutter = TimeWindows(length, longest_gap_us=gap, say=say)
        else:
            self.cutter = CountWindows(window_events)
        self.tally = StreamTally()
        self._stopped = False
        self._error: BaseException | None = None
        self._queue: BoundedQueue[tuple[float, EventWindow]] = BoundedQueue(
            queue_windows, speed is not None, self._drop, self.is_over,
            weigh=lambda item: len(item[1].events), most=QUEUE_EVENTS,
        )  # fmt: skip

    def stop(self) -> None:
        """End soon: what has come is still given. May be called by a handler of a signal."""
        self._stopped = True

    def is_over(self) -> bool:
        """Whether it was stopped."""
        return self._stopped

    def summary(self) -> StreamSummary:
        """What it came to so far."""
        return self.tally.summary(
            late=self.cutter.late,
            malformed=self.source.malformed.total,
            clock_jumps=self.cutter.jumps,
            skipped_us=self.cutter.skipped_us,
        )

    def __iter__(self) -> Iterator[StreamStep]:
        self.tally = StreamTally()
        reader = threading.Thread(target=self._read, name="reader of events", daemon=True)
        reader.start()
        try:
            for cut, window in self._queue:
                step = self._step(cut, window)
                yield step
                if self._reached():
                    break
        finally:
            self.stop()
            reader.join()
        if self._error is not None:
            raise self._error

    def _step(self, cut: float, window: EventWindow) -> StreamStep:
        begun = perf_counter()
        belief = self.session.push(self.fitting.crowded(window.events))
        ended = perf_counter()
        assert belief is not None
        tally, engine_us, latency_us = self.tally, 1e6 * (ended - begun), 1e6 * (ended - cut)
        tally.engine.add(engine_us)
        tally.latency.add(latency_us)
        tally.windows += 1
        tally.events += len(window.events)
        tally.stream_us += window.end_us - window.start_us
        told = window_prediction(window, belief, self.fitting, self.classes, self.forgotten_below)
        return StreamStep(told, engine_us, latency_us, tally.dropped_windows)

    def _reached(self) -> bool:
        """Whether as much was seen as was asked for."""
        if self.windows is not None and self.tally.windows >= self.windows:
            return True
        if self.seconds is None:
            return False
        # Half a microsecond, because a sum of windows is whole and a limit need not be.
        return self.tally.stream_us + 0.5 >= 1e6 * self.seconds or self._late_on_the_wall()

    def _late_on_the_wall(self) -> bool:
        """Whether a live source has had its time, whatever came."""
        if self.seconds is None or self.speed is None or not self.source.live:
            return False
        return self.tally.wall_seconds() * self.speed >= self.seconds + 1

    def _read(self) -> None:
        """Read, cut and put, in a thread of its own."""
        try:
            self._cut_all()
        except BaseException as error:  # is raised where the beliefs are taken
            self._error = error
        finally:
            self._queue.close()

    def _cut_all(self) -> None:
        source, cutter = self.source, self.cutter
        playback = Playback(self.speed if source.waits else None, self.is_over)
        clock = ArrivalClock(self.speed or 1.0)
        by_clock = source.live and self.speed is not None
        for events in source.chunks():
            for window in _ahead(cutter.feed(self.fitting.fit(events))):
                playback.wait(window.end_us - window.start_us)
                if self._stopped and source.waits:
                    return
                self._put(window)
            if by_clock:
                self._pass_time(events, clock, playback)
            for line in source.malformed.news():
                self.say(line)
            if self._stopped or self._late_on_the_wall():
                break
        for window in cutter.rest():
            self._put(window)
        for line in source.notes():
            self.say(line)

    def _pass_time(self, events: np.ndarray, clock: ArrivalClock, playback: Playback) -> None:
        """Close the windows that are over by the clock, a window later than it says."""
        now = monotonic()
        if len(events):
            clock.saw(int(events["t"][-1]), now)
            return
        time_us = clock.time_us(now)
        if time_us is not None:
            for window in self.cutter.silence(time_us - round(self.engine.frame_ms * 1000)):
                playback.wait(window.end_us - window.start_us)
                self._put(window)

    def _put(self, window: EventWindow) -> None:
        item = (perf_counter(), window)
        if not self._queue.put(item) and self.source.live:
            self._drop(item)  # of a file that is stopped, what follows was not asked for

    def _drop(self, item: tuple[float, EventWindow]) -> None:
        tally = self.tally
        tally.dropped_windows += 1
        tally.dropped_events += len(item[1].events)
        many = tally.dropped_windows
        if many & (many - 1) == 0:  # at 1, 2, 4, 8 and so on: told, and not in a flood
            self.say(f"the engine cannot keep up: {many:,} windows dropped so far, oldest first")


def _ahead(windows: Iterator[EventWindow]) -> Iterator[EventWindow]:
    """The same, cut several at a time."""
    while batch := list(islice(windows, AHEAD)):
        yield from batch
