"""Windows of a stream of events, cut as it comes and in bounded memory.

    cutter = TimeWindows(10_000)
    for events in file.source.upright():
        for window in cutter.feed(events):
            ...
    for window in cutter.rest():
        ...

Of events in order of time, windows by time hold what `frames.by_time` puts into its frames, and
windows by count what `frames.by_count` does.

Axes: n events, Y X pixels. Units: microseconds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.sides import Sides, Size

JUMP_US = 1_000_000
"""Time that steps back by more is a clock that was set anew; by less, events that come late."""
LONGEST_GAP_US = 60_000_000
"""Of a longer gap without events so much is stepped through, and the rest is skipped."""
SAID = 3
"""How many jumps of a clock are told one by one; all are counted."""


@dataclass(frozen=True)
class EventWindow:
    """What fell within one stretch of time."""

    index: int
    """Which of the stream, from 0."""
    start_us: int
    end_us: int
    """Of time, this not included; of a number of events, the time of the last."""
    events: np.ndarray
    """(n,) of dtype `EVENT`."""

    def frame(self, size: Size) -> np.ndarray:
        """(2, Y, X) bool: OFF and ON, where at least one event fell on a sensor of this size."""
        width, height = Sides.of(size)
        frame = np.zeros((2, height, width), bool)
        frame[self.events["p"].astype(np.intp), self.events["y"], self.events["x"]] = True
        return frame


class WindowCutter(ABC):
    """Cuts a stream of events into windows; what is counted is for whoever reads the stream."""

    def __init__(self) -> None:
        self.late = 0
        """Events that came after their window was closed: they are in the one then open."""
        self.jumps = 0
        """How often the clock was set anew."""
        self.skipped_us = 0
        """Time of gaps that was skipped."""

    @abstractmethod
    def feed(self, events: np.ndarray) -> Iterator[EventWindow]:
        """The windows that these further events (n,) of dtype `EVENT` close."""

    def silence(self, until_us: int) -> Iterator[EventWindow]:
        """The windows that end by a time before which nothing more is to come."""
        yield from ()

    @abstractmethod
    def rest(self) -> Iterator[EventWindow]:
        """The last window, if it holds events."""


class TimeWindows(WindowCutter):
    """Windows of equal time, from the first event on; those without events are windows too.

    Args:
        length_us: of a window.
        longest_gap_us: how much of a gap without events is stepped through.
        say: told in a line of gaps that are skipped, and of clocks that jump.

    Raises:
        UserError: a length below 1.
    """

    def __init__(
        self,
        length_us: int,
        *,
        longest_gap_us: int = LONGEST_GAP_US,
        say: Callable[[str], None] = lambda line: None,
    ):
        if length_us < 1:
            raise UserError(f"a window must be at least 1 us long, got {length_us}")
        super().__init__()
        self.length, self.longest_gap, self.say = length_us, longest_gap_us, say
        self.start: int | None = None
        """Of the open window."""
        self._last: int | None = None
        self._index = 0
        self._parts: list[np.ndarray] = []

    def feed(self, events: np.ndarray) -> Iterator[EventWindow]:
        if not len(events):
            return
        jumps = np.flatnonzero(np.abs(np.diff(events["t"])) > JUMP_US) + 1
        parts = np.split(events, jumps) if len(jumps) else [events]
        for part, following in zip(parts, [*parts[1:], None], strict=True):
            if following is not None and self._is_stray(part, following):
                self.late += len(part)
                self._parts.append(part)
            else:
                yield from self._feed(part)

    def _is_stray(self, part: np.ndarray, following: np.ndarray) -> bool:
        """Whether a few events have a time of their own, and what follows goes on as before."""
        if self._last is None:
            return False
        away, back = (abs(int(one["t"][0]) - self._last) for one in (part, following))
        return away > JUMP_US >= back

    def _feed(self, events: np.ndarray) -> Iterator[EventWindow]:
        """As `feed`, of events between which the clock does not jump back."""
        t = events["t"]
        if self.start is not None and t.max() < self.start - JUMP_US:
            self._jumped(f"time steps back by {(self.start - int(t.max())) / 1e6:,.1f} s")
            yield from self.rest()
            self.start = None
        if self.start is None:
            self.start = int(t.min())
        step = (t - self.start) // self.length
        # What comes late stays with what came before it, for its own window is closed.
        at = np.maximum.accumulate(np.maximum(step, 0))
        self.late += int((step < at).sum())
        borders = np.flatnonzero(np.diff(at)) + 1
        passed = 0
        for part, number in zip(np.split(events, borders), at[[0, *borders]].tolist(), strict=True):
            yield from self._pass(number - passed)
            passed = number
            self._parts.append(part)
        self._last = int(t[-1])

    def _pass(self, count: int) -> Iterator[EventWindow]:
        """Close so many windows, those of a gap that is too long excepted."""
        stepped = min(count, 1 + self.longest_gap // self.length)
        for _ in range(stepped):
            yield self._close()
        if count > stepped:
            assert self.start is not None
            skipped = (count - stepped) * self.length
            self.start += skipped
            self.skipped_us += skipped
            told = f"{self.longest_gap / 1e6:,.0f} s of it were stepped through"
            self._jumped(f"no events for {count * self.length / 1e6:,.0f} s: {told}")

    def _jumped(self, line: str) -> None:
        self.jumps += 1
        if self.jumps <= SAID:
            self.say(line)

    def _close(self) -> EventWindow:
        assert self.start is not None
        begun, self.start = self.start, self.start + self.length
        parts, self._parts = self._parts, []
        self._index += 1
        return EventWindow(self._index - 1, begun, self.start, _joined(parts))

    def silence(self, until_us: int) -> Iterator[EventWindow]:
        while self.start is not None and self.start + self.length <= until_us:
            yield self._close()

    def rest(self) -> Iterator[EventWindow]:
        if self._parts:
            yield self._close()


class CountWindows(WindowCutter):
    """Windows of equally many events, in their order; the last may hold fewer.

    Args:
        count: events of a window.

    Raises:
        UserError: a count below 1.
    """

    def __init__(self, count: int):
        if count < 1:
            raise UserError(f"a window must hold at least 1 event, got {count}")
        super().__init__()
        self.count = count
        self._index = self._waiting = 0
        self._parts: list[np.ndarray] = []
        self._end: int | None = None

    def feed(self, events: np.ndarray) -> Iterator[EventWindow]:
        while self._waiting + len(events) >= self.count:
            split = self.count - self._waiting
            self._parts.append(events[:split])
            events = events[split:]
            yield self._close()
        if len(events):
            self._parts.append(events)
            self._waiting += len(events)

    def _close(self) -> EventWindow:
        events = _joined(self._parts)
        first, last = int(events["t"][0]), int(events["t"][-1])
        # From where the last one ended; not over a jump of the clock, nor over a long gap.
        known = self._end is not None and 0 <= last - self._end <= LONGEST_GAP_US
        start = self._end if known and self._end is not None else min(first, last)
        self._parts, self._waiting, self._end = [], 0, last
        self._index += 1
        return EventWindow(self._index - 1, start, last, events)

    def rest(self) -> Iterator[EventWindow]:
        if self._parts:
            yield self._close()


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, EVENT)
