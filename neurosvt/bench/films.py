"""Frames that latency is measured on: made-up scenes, and recordings of real cameras.

Axes: T frames, 2 polarities (OFF, ON), Y X pixels.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from neurosvt.datasets.folder import find
from neurosvt.datasets.nmnist import load_nmnist
from neurosvt.events.recording import Recording
from neurosvt.events.windows import TimeWindows
from neurosvt.formats.recordings import open_recording
from neurosvt.scenes.scenes import make_scenes

FRAMES = 24
"""Different ones of each kind, in the order in which a camera gave them."""
LONG_MS = 10.0
"""Of scenes, and of the models that are measured."""
SHORT_MS = 1.0
"""The same for who has to be quick."""
BEGINNING_MS = 1000
"""Of a recording: so much of it is looked at."""
RECORDINGS: dict[str, Callable[[], Path | Recording]] = {
    "digit": lambda: load_nmnist("test")[0],
    "object": lambda: find("dvs128_objects/aedat/box_rec2.aedat"),
}
"""A digit of N-MNIST; a box in a hand, before a camera of 128 x 128 pixels."""


@dataclass(frozen=True)
class Film:
    """Frames of one kind that follow each other."""

    what: str
    frames: np.ndarray
    """(T, 2, Y, X) bool."""
    ms: float = LONG_MS
    """Length of a frame."""

    @property
    def kind(self) -> str:
        """What it is called in rows."""
        return f"{self.what} frame" + ("" if self.ms == LONG_MS else f" of {self.ms:g} ms")

    @property
    def shape(self) -> str:
        """Sensor, and how many events a frame has."""
        side = self.frames.shape[-1]
        return f"{side} x {side}, {np.median(events_of(self.frames)):.0f} events"


def events_of(frames: np.ndarray) -> np.ndarray:
    """(T,) events of each frame."""
    counts: np.ndarray = frames.reshape(len(frames), -1).sum(1)
    return counts


def scene_films() -> list[Film]:
    """From nothing to much: silence, sensor noise, an object that is mostly hidden, one in view."""
    films = [Film("silent", np.zeros((FRAMES, 2, 64, 64), bool)), noise_film(64)]
    for what, tier in (("sparse", "tunnel"), ("active", "curtain")):
        scenes = make_scenes(tier, seed=3, batch=1, seen=60, hidden=10, after=0)
        films.append(Film(what, scenes.frames[20 : 20 + FRAMES, 0]))
    return films


def noise_film(side: int) -> Film:
    """A sensor's noise, and nothing to see."""
    random = np.random.default_rng(0)
    return Film("noise alone", random.random((FRAMES, 2, side, side)) < 5e-4)


def doubled_film(film: Film) -> Film:
    """The same scene on twice the pixels a side: an edge is twice as long, and as thin."""
    whole = film.frames.repeat(2, -1).repeat(2, -2)
    random = np.random.default_rng(0)
    return Film(film.what, whole & (random.random(whole.shape) < 0.5), film.ms)


def recorded_films(what: str, side: int) -> list[Film]:
    """A typical stretch of a recording in long frames and in short ones: that with the median of
    events among all in its first second. None where the recording is not at hand, which is told.

    Args:
        what: a key of `RECORDINGS`.
        side: pixels of the square onto which it is brought.
    """
    try:
        return [_typical(what, side, ms) for ms in (LONG_MS, SHORT_MS)]
    except FileNotFoundError as error:
        print(f"{what} frames, {side} x {side}, left out: {error}", file=sys.stderr)
        return []


def _typical(what: str, side: int, ms: float) -> Film:
    with open_recording(RECORDINGS[what]()) as opened:
        cut = islice(opened.windows(TimeWindows(round(1000 * ms)), side), round(BEGINNING_MS / ms))
        frames = np.stack([window.frame(side) for window in cut])
    events = np.convolve(events_of(frames), np.ones(FRAMES), "valid")
    first = int(np.argsort(events)[len(events) // 2])
    return Film(what, frames[first : first + FRAMES], ms)
