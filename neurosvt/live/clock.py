"""What time it is in the stream: when a window may be given, and when one is over in which nothing
came.

Units: us for the time of events, seconds for the clock on the wall.
"""

from collections.abc import Callable
from time import monotonic, sleep

NAP_S = 0.02
"""How long is slept at most before it is asked whether to go on."""
EARLY_S = 0.02
"""A window may be given so much before its time: of what was recorded nothing is awaited, and a
processor that wakes for every window of 10 ms spends more on waking than on the model."""
FORGETTING = 1 / 64
"""How fast a delay that was longer than today's is forgotten."""


class Playback:
    """Gives each window when its time has come: `speed` seconds of the stream a second.

    Args:
        speed: 1 for real time; None for as fast as it goes.
        is_over: asked while it waits; True ends the wait.
    """

    def __init__(self, speed: float | None, is_over: Callable[[], bool]):
        self.speed, self.is_over = speed, is_over
        self.begun: float | None = None
        self.played_us = 0

    def wait(self, length_us: int) -> None:
        """Until a window of this length is over, counted from the end of the last one; the first
        is given at once, and what follows by less than `EARLY_S` along with what was waited for."""
        if self.speed is None:
            return
        if self.begun is None:
            self.begun = monotonic() - length_us / 1e6 / self.speed
        self.played_us += length_us
        due = self.begun + self.played_us / 1e6 / self.speed
        if due - monotonic() <= EARLY_S:
            return
        while (left := due - monotonic()) > 0 and not self.is_over():
            sleep(min(left, NAP_S))


class ArrivalClock:
    """Tells what time it must be in a live stream, from how late its events came so far.

    Events lie some delay behind the clock on the wall: one that is unknown, that differs from
    packet to packet, and that grows or shrinks where two clocks drift apart. A longer delay is
    believed at once, and forgotten slowly.

    Args:
        speed: seconds of the stream a second.
    """

    def __init__(self, speed: float = 1.0):
        self.speed = speed
        self.delay_us: float | None = None

    def saw(self, t_us: int, now: float) -> None:
        """An event of this time has come, at this time on the wall, seconds."""
        delay = now * 1e6 * self.speed - t_us
        if self.delay_us is None or delay > self.delay_us:
            self.delay_us = delay
        else:
            self.delay_us += FORGETTING * (delay - self.delay_us)

    def time_us(self, now: float) -> int | None:
        """What comes now is later than this; None before the first event."""
        return None if self.delay_us is None else int(now * 1e6 * self.speed - self.delay_us)
