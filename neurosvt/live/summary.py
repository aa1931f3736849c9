"""What a stream came to: counts, speed, and how long a window took, in bounded memory."""

import math
import time
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

BIN_WIDTH = 0.01
"""Relative width of a bin of the histogram of durations."""
DURATION_BINS = 2200
"""From 0.1 us to more than five minutes."""


@dataclass(frozen=True)
class StreamSummary:
    """Of a stream, up to now."""

    windows: int
    """That the model saw."""
    events: int
    """In them."""
    dropped_windows: int
    """Under overload, the oldest first."""
    dropped_events: int
    """In them."""
    late_events: int
    """That came after their window was closed, and are counted in the next."""
    malformed: int
    """What came over a wire and was no event."""
    clock_jumps: int
    skipped_seconds: float
    """Of gaps that were not stepped through."""
    stream_seconds: float
    """Length of the windows that the model saw."""
    wall_seconds: float
    realtime_factor: float
    """Seconds of the stream a second."""
    engine_mean_us: float
    """Of the engine, a window."""
    engine_p50_us: float
    engine_p99_us: float
    latency_p50_us: float
    """From when a window was cut to when its belief was there."""
    latency_p99_us: float
    core_share: float
    """CPU time of the whole program, as a share of one core."""

    def lines(self) -> list[str]:
        """In words."""
        lost = f"{self.dropped_windows:,} windows with {self.dropped_events:,} events dropped"
        odd = {
            "events late": self.late_events,
            "malformed": self.malformed,
            "jumps of the clock": self.clock_jumps,
        }
        told = [f"{count:,} {what}" for what, count in odd.items() if count]
        return [
            f"{self.windows:,} windows, {self.events:,} events, {lost}",
            *([", ".join(told)] if told else []),
            f"{self.stream_seconds:,.2f} s of the stream in {self.wall_seconds:,.2f} s: "
            f"{self.realtime_factor:,.2f} times real time, {self.core_share:.1%} of a core",
            f"engine {self.engine_mean_us:,.0f} us a window (p50 {self.engine_p50_us:,.0f}, "
            f"p99 {self.engine_p99_us:,.0f}), latency p50 {self.latency_p50_us:,.0f}, "
            f"p99 {self.latency_p99_us:,.0f} us",
        ]


class Durations:
    """Mean and percentiles of any number of durations, these to 1 %."""

    def __init__(self) -> None:
        self.counts = [0] * DURATION_BINS
        self.count, self.total = 0, 0.0

    def add(self, us: float) -> None:
        """One more, microseconds."""
        place = int(math.log(max(us, 0.1) / 0.1) / math.log1p(BIN_WIDTH))
        self.counts[min(place, DURATION_BINS - 1)] += 1
        self.count += 1
        self.total += us

    def mean(self) -> float:
        """0 of none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """The duration that a share in (0, 1] of them does not exceed; 0 of none."""
        if not self.count:
            return 0.0
        place = bisect_left(list(accumulate(self.counts)), math.ceil(share * self.count))
        return float(0.1 * (1 + BIN_WIDTH) ** (place + 0.5))


class StreamTally:
    """Counts while the stream goes on."""

    def __init__(self) -> None:
        self.windows = self.events = self.dropped_windows = self.dropped_events = 0
        self.stream_us = 0
        self.engine, self.latency = Durations(), Durations()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def wall_seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._wall

    def summary(
        self, *, late: int, malformed: int, clock_jumps: int, skipped_us: int
    ) -> StreamSummary:
        """All of it, with what the reader counted."""
        wall = max(self.wall_seconds(), 1e-9)
        return StreamSummary(
            windows=self.windows,
            events=self.events,
            dropped_windows=self.dropped_windows,
            dropped_events=self.dropped_events,
            late_events=late,
            malformed=malformed,
            clock_jumps=clock_jumps,
            skipped_seconds=skipped_us / 1e6,
            stream_seconds=self.stream_us / 1e6,
            wall_seconds=wall,
            realtime_factor=self.stream_us / 1e6 / wall,
            engine_mean_us=self.engine.mean(),
            engine_p50_us=self.engine.percentile(0.5),
            engine_p99_us=self.engine.percentile(0.99),
            latency_p50_us=self.latency.percentile(0.5),
            latency_p99_us=self.latency.percentile(0.99),
            core_share=(time.process_time() - self._cpu) / wall,
        )
