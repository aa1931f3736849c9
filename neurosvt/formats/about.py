"""What is known of an event file, and who said so: nothing that was guessed passes for read."""

from dataclasses import dataclass

import numpy as np

FILE, FORMAT, OPTION, GUESS = "file", "format", "option", "guess"
"""Who said so: the file states it; all files of its format have it; the reader was told; nobody."""

BUSY = 1000
"""Fewer events say nothing about what is usual among them."""
STRAY_SHARE = 1000
"""One event in so many may lie far beyond the others and count as stray."""
LARGEST_SIDE = 4096
"""Pixels; no event camera has more a side."""
SLOWEST_HZ, FASTEST_HZ = 100.0, 1e10
"""Events a second, of a whole recording; beyond them the unit of its times is probably another."""


@dataclass
class About:
    """Of one file. `sensor` is told by `Source`."""

    layout: str = ""
    """Whose way of laying out arrays or columns it is, where a format has several."""
    sensor_from: str = FILE
    camera: str | None = None
    """Chip, system, or which of several cameras."""
    camera_from: str | None = None
    unit: str = "us"
    """Of the times that the file holds."""
    unit_from: str = FORMAT

    def guesses(self, sensor: tuple[int, int]) -> list[str]:
        """What was guessed, a line each, with the option that says it.

        Args:
            sensor: its width and height as they were taken.
        """
        lines = []
        if self.sensor_from == GUESS:
            width, height = sensor
            lines.append(
                f"its sensor is not stated: {width} x {height} is what its events need "
                "(--sensor WxH says it)"
            )
            if max(sensor) > LARGEST_SIDE:
                lines.append(f"no event camera has {max(sensor):,} pixels a side")
        if self.camera_from == GUESS:
            lines.append(f"its camera is not stated: {self.camera} was taken (--camera says it)")
        if self.unit_from == GUESS:
            lines.append(f"its unit of time is not stated: {self.unit} was taken (--unit says it)")
        return lines


def odd_rate(events: int, span_us: int, unit: str) -> str | None:
    """A line, if so many events in such a time make another unit of time likely."""
    rate = events / max(span_us / 1e6, 1e-9)
    if events < BUSY or SLOWEST_HZ <= rate <= FASTEST_HZ:
        return None
    return f"{rate:,.2g} events a second are odd: are its times in {unit}? (--unit says it)"


class Extent:
    """How many events lie in each column and row, and so how large a sensor they need."""

    def __init__(self) -> None:
        self.counts = {axis: np.zeros(1 << 16, np.int64) for axis in ("x", "y")}

    def add(self, events: np.ndarray) -> None:
        """Count further events (n,)."""
        for axis, counts in self.counts.items():
            found = np.bincount(events[axis])
            counts[: len(found)] += found

    def sensor(self) -> tuple[int, int]:
        """Width and height that all events need but those, one in `STRAY_SHARE` at most, that lie
        twice as far out as the others."""
        return self._side("x"), self._side("y")

    def _side(self, axis: str) -> int:
        counts = self.counts[axis]
        used = np.flatnonzero(counts)
        if not len(used):
            return 1
        total = int(counts.sum())
        if total < BUSY:
            return int(used[-1]) + 1
        beyond = total - np.cumsum(counts[used])
        usual = int(used[np.argmax(beyond <= total // STRAY_SHARE)])
        return int(used[used < 2 * (usual + 1)][-1]) + 1
