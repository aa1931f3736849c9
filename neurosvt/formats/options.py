"""How an event file is to be read, where it does not say so itself or more is asked for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurosvt.config import UserError, did_you_mean

TIME_UNITS = {"us": 1.0, "ns": 1e-3, "ms": 1e3, "s": 1e6}
"""Microseconds in a unit of time."""


@dataclass(frozen=True)
class ReadOptions:
    """What commands take as --sensor, --camera, --unit, --from, --to, --rebase and --sort.

    An option that a file leaves nothing to decide for is refused: see `formats.open_events`.
    """

    sensor: tuple[int, int] | None = None
    """Width and height in pixels, where the file does not state them, or not rightly."""
    camera: str | None = None
    """Which of several cameras (left, right, a topic), or the chip that a file does not name."""
    unit: str | None = None
    """A key of `TIME_UNITS`: of times whose unit the file leaves open."""
    from_: float | None = None
    """Seconds after the first event: earlier events are left out."""
    to: float | None = None
    """Seconds after the first event: this time and later ones are left out."""
    rebase: bool = False
    """The first event that is left has time 0."""
    sort: bool = False
    """In order of time; this holds all events in memory at once."""

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in TIME_UNITS:
            hint = did_you_mean(self.unit, TIME_UNITS) or f"; choose from {', '.join(TIME_UNITS)}"
            raise UserError(f"unit {self.unit!r} is unknown{hint}")
        if self.sensor and not all(1 <= side < 1 << 16 for side in self.sensor):
            raise UserError(f"a sensor of {self.sensor[0]} x {self.sensor[1]} pixels is none")
        if self.from_ is not None and self.to is not None and not self.from_ < self.to:
            raise UserError(f"from {self.from_:g} s to {self.to:g} s holds nothing")

    def chosen(self, chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """What is left of events (n,) in chunks, in bounded memory unless they are sorted."""
        if self.sort:
            chunks = _sorted(chunks)
        if self.from_ is not None or self.to is not None:
            chunks = self._between(chunks)
        return _rebased(chunks) if self.rebase else chunks

    def _between(self, chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        start: int | None = None
        for events in chunks:
            start = int(events["t"][0]) if start is None else start
            since = events["t"] - start
            kept = np.ones(len(events), bool)
            if self.from_ is not None:
                kept &= since >= self.from_ * 1e6
            if self.to is not None:
                kept &= since < self.to * 1e6
            if kept.any():
                yield events[kept]


def sensor_named(text: str) -> tuple[int, int]:
    """Width and height of a sensor as people write it: 346x260.

    Raises:
        UserError: it says something else.
    """
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip())
    if not found:
        raise UserError(f"sensor must be WxH, got {text!r}")
    return int(found[1]), int(found[2])


AS_STATED = ReadOptions()
"""As the file says."""


def _sorted(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    if held := list(chunks):
        events = np.concatenate(held)
        yield events[np.argsort(events["t"], kind="stable")]


def _rebased(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    start: int | None = None
    for events in chunks:
        start = int(events["t"][0]) if start is None else start
        events["t"] -= start
        yield events
