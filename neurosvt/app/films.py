"""What there is to watch, a frame at a time, while somebody moves a curtain before it.

Axes: T frames, H W sensor pixels.
"""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.windows import TimeWindows
from neurosvt.formats.recordings import open_recording
from neurosvt.permanence.tasks import Task
from neurosvt.presence import Presence
from neurosvt.scenes.live import AWAY, Band, LiveScene
from neurosvt.scenes.sampling import SHAPE_CLASSES, SceneConfig
from neurosvt.scenes.scenes import Scenes
from neurosvt.sides import Sides, Size

MOST_FRAMES = 60_000
"""Of a recording: ten minutes of frames of 10 ms."""
EDGE_EVENTS = 0.6
"""Share of the pixels that the edge of a curtain passes which make an event."""
AT_ONCE, TRIES = 8, 64
"""Scenes that are made together, and that are looked through for one of a class."""
MOST_HIDDEN = 1200
"""Frames of a scene in which its object is hidden: twelve seconds."""
MOST_SPEED = 0.06
"""Of a curtain, sensor widths a frame: a hand's, and as quick as those that models learnt from."""
MOTIONS = ("rests", "on", "still")
"""It moves, and rests while a curtain is before it; or goes on behind it; or does not move."""


@dataclass(frozen=True)
class Hand:
    """What the visitor does."""

    band: Band | None = None
    """Where the curtain is, in shares of the sensor's width; None for none."""
    lit: bool = True
    motion: str = "rests"
    """Of the object of a free scene, one of `MOTIONS`."""


@dataclass(frozen=True)
class Shown:
    """One frame, and the truth at its end where it is known."""

    frame: np.ndarray
    """(2, H, W) bool, OFF then ON."""
    position: tuple[float, float] | None = None
    """x and y of the object, in [0, 1] of the sensor."""
    label: int | None = None
    presence: Presence | None = None
    occluder: tuple[float, ...] = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
    """As a frame of `Scenes.occluder`."""


class Showing(ABC):
    """Frames one by one."""

    frames: int | None = None
    """How many there are; None for no end, or an end that nobody knows yet."""

    @abstractmethod
    def step(self, hand: Hand) -> Shown | None:
        """The next frame; None at the end."""

    def close(self) -> None:  # noqa: B027  most have nothing open
        """Let go of files."""


class FreeScene(Showing):
    """An object of a chosen class that moves to and fro without an end.

    Raises:
        UserError: a class that is none.
    """

    def __init__(self, object_class: str, seed: int, config: SceneConfig):
        if object_class not in SHAPE_CLASSES:
            raise UserError(f"the objects are {', '.join(SHAPE_CLASSES)}, not {object_class!r}")
        self.scene = LiveScene(SHAPE_CLASSES.index(object_class), seed, config)

    def step(self, hand: Hand) -> Shown:
        """The next frame."""
        scene = self.scene
        reached = scene.reaches(hand.band) or scene.reaches(scene.band)
        moves = hand.motion == "on" or (hand.motion == "rests" and not reached)
        seen = scene.step(hand.band, lit=hand.lit, moves=moves)
        presence = Presence.HIDDEN if seen.hidden else Presence.IN_VIEW
        occluder = (1.0, 0.0, seen.light, *scene.band, 0.0, 0.0)
        return Shown(seen.frame, seen.position, scene.label, presence, occluder)


class TierScene(Showing):
    """A scene of PermanenceBench, over which a curtain of the visitor's may pass, too.

    Args:
        task: what the model is judged on.
        tier: one of its tiers.
        object_class: of the object; "any" for the first that comes.
        hidden: frames in which it is hidden.

    Raises:
        UserError: a tier or class that is none, or a length that the tier cannot have.
    """

    def __init__(self, task: Task, tier: str, object_class: str, hidden: int):
        scenes, row = _scene_with(task, tier, object_class, hidden)
        self.scenes, self.row, self.frames = scenes, row, len(scenes.frames)
        self.at, self.shutter = 0, Shutter()

    def step(self, hand: Hand) -> Shown | None:
        """The next frame; None at the end."""
        if self.at == self.frames:
            return None
        t, row, scenes = self.at, self.row, self.scenes
        self.at += 1
        presence, occluder = Presence(scenes.presence[t, row]), scenes.occluder[t, row].tolist()
        shown = Shown(scenes.frames[t, row], presence=presence, occluder=tuple(occluder))
        if presence in (Presence.IN_VIEW, Presence.HIDDEN, Presence.STRANGER):
            x, y = scenes.position[t, row].tolist()
            shown = replace(shown, position=(x, y))
        if presence in (Presence.IN_VIEW, Presence.HIDDEN):
            shown = replace(shown, label=int(scenes.label[t, row]))
        return self.shutter.over(shown, hand)


class FilmedRecording(Showing):
    """A recording from its beginning, of which nothing true is known.

    Raises:
        UserError: it cannot be read.
        FileNotFoundError: there is none.
    """

    def __init__(self, path: str | Path, size: Size, frame_us: int):
        self.stack, self.shutter = ExitStack(), Shutter()
        try:
            opened = self.stack.enter_context(open_recording(path))
            frames = opened.frames(TimeWindows(frame_us), size)
            first = list(islice(frames, 1))  # here, where what cannot be read is told
        except BaseException:
            self.stack.close()
            raise
        self.ahead = islice(chain(first, frames), MOST_FRAMES)

    def step(self, hand: Hand) -> Shown | None:
        """The next frame; None at the end."""
        frame = next(self.ahead, None)
        if frame is None:
            return None
        return self.shutter.over(Shown(np.ascontiguousarray(frame)), hand)

    def close(self) -> None:
        """The file."""
        self.stack.close()


class Shutter:
    """The visitor's curtain before what was recorded: it covers, and its edges make events."""

    def __init__(self) -> None:
        self.before, self.rng = AWAY, np.random.default_rng(0)

    def over(self, shown: Shown, hand: Hand) -> Shown:
        """A frame as it is seen from before the curtain."""
        band, before = hand.band or AWAY, self.before
        self.before = band
        if not hand.lit:
            light = (*shown.occluder[:2], 0.0, *shown.occluder[3:])
            dark = replace(shown, frame=np.zeros_like(shown.frame), occluder=light)
            return replace(dark, presence=_hidden_if_in_view(shown.presence))
        if band == AWAY and before == AWAY:
            return shown
        frame, (width, _) = shown.frame.copy(), Sides.of_pixels(shown.frame)
        x = (np.arange(width) + 0.5) / width
        frame[:, :, _within(x, band) | _within(x, before)] = False
        for was, now, on in zip(before, band, (0, 1), strict=True):
            passed = _within(x, (min(was, now), max(was, now)))
            edge = passed & (self.rng.random(frame.shape[1:]) < EDGE_EVENTS)
            frame[on if now > was else 1 - on] |= edge
        presence = shown.presence
        if shown.position is not None and band[0] + 0.2 <= shown.position[0] <= band[1] - 0.2:
            presence = _hidden_if_in_view(presence)
        curtain = (1.0, 0.0, 1.0, *band, 0.0, 0.0)
        return replace(shown, frame=frame, presence=presence, occluder=curtain)


class Curtain:
    """The visitor's, which follows a hand at a hand's speed: it comes in and goes out at the side
    that is nearer."""

    def __init__(self) -> None:
        self.band: Band | None = None

    def toward(self, wanted: Band | None) -> Band | None:
        """Where it is a frame later; None while it is not before the sensor."""
        if wanted is None and self.band is None:
            return None
        low, high = now = self.band or _outside(wanted or AWAY)
        to = wanted or _outside(now)
        edges = ((low, to[0]), (high, to[1]))
        low, high = (a + float(np.clip(b - a, -MOST_SPEED, MOST_SPEED)) for a, b in edges)
        self.band = (low, high)
        if wanted is None and (high <= 0 or low >= 1):
            self.band = None
        return self.band


def _outside(band: Band) -> Band:
    """A band as wide, beside the sensor at the side that is nearer."""
    width = band[1] - band[0]
    return (-width, 0.0) if sum(band) < 1 else (1.0, 1.0 + width)


def _hidden_if_in_view(presence: Presence | None) -> Presence | None:
    return Presence.HIDDEN if presence is Presence.IN_VIEW else presence


def _within(x: np.ndarray, band: Band) -> np.ndarray:
    inside: np.ndarray = (x >= band[0]) & (x < band[1])
    return inside


def _scene_with(task: Task, tier: str, object_class: str, hidden: int) -> tuple[Scenes, int]:
    """Scenes of a tier, and which of them is of an object of this class."""
    if object_class != "any" and object_class not in task.classes:
        raise UserError(f"the objects are {', '.join(task.classes)}, not {object_class!r}")
    if not 1 <= hidden <= MOST_HIDDEN or not task.supports(tier, hidden):
        raise UserError(f"{tier} cannot hide an object for {hidden} frames; try 60")
    for scenes in replace(task, batch=AT_ONCE).batches(tier, hidden, TRIES):
        label = scenes.label.max(0)
        wanted = label if object_class == "any" else task.classes.index(object_class)
        (rows,) = np.nonzero(label == wanted)
        if len(rows):
            return scenes, int(rows[0])
    raise UserError(f"no scene of {tier} shows a {object_class}")
