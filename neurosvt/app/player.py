"""One visitor's play: a film, who watches it, and what the page is told of every frame."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurosvt.app.films import (
    MOTIONS,
    Curtain,
    FilmedRecording,
    FreeScene,
    Hand,
    Showing,
    TierScene,
)
from neurosvt.app.watchers import Cast, Watcher
from neurosvt.config import UserError
from neurosvt.permanence.tasks import SceneTask
from neurosvt.presence import PRESENCE_NAMES
from neurosvt.scenes.live import Band

FREE, RECORDING = "free", "recording"
"""What may be watched beside the tiers."""
MOST_NOISE_HZ = 10.0
"""Per pixel: a hundred times what a quiet camera has."""


class Player:
    """What one visitor watches; nothing of it is shared but the weights.

    Args:
        cast: the model, and who stands beside it.
    """

    def __init__(self, cast: Cast):
        self.cast, self.hand, self.at = cast, Hand(), 0
        self.film: Showing | None = None
        self.curtain = Curtain()
        self.watchers: Sequence[Watcher] = ()  # come with a film
        task = cast.trained.run.task("test")
        self.task, self.classes = task, task.classes

    @property
    def tiers(self) -> tuple[str, ...]:
        """What hides the objects of its scenes; none of a model of recordings."""
        return tuple(self.task.known) if isinstance(self.task, SceneTask) else ()

    def open(self, asked: Mapping[str, Any], recording: str | None = None) -> dict[str, Any]:
        """Begin a film, before watchers who have seen nothing.

        Args:
            asked: `kind` (free, recording, or a tier), `object`, `seed`, `hidden`, `noise_hz`.
            recording: the visitor's own, where one is asked for.

        Returns:
            What the page needs to know of it.

        Raises:
            UserError: something that is not there.
        """
        kind = str(asked.get("kind", FREE))
        object_class = str(asked.get("object", "any"))
        seed, hidden = _whole(asked, "seed", 0), _whole(asked, "hidden", 60)
        noise_hz = _number(asked, "noise_hz", self.task.scene.noise_hz)
        film: Showing
        if kind == RECORDING:
            if recording is None:
                raise UserError("no recording is there yet: choose a file of events first")
            run = self.cast.trained.run
            film = FilmedRecording(recording, run.model.image_size, run.frame_us)
        elif not isinstance(self.task, SceneTask):
            raise UserError("this model learnt from recordings: choose a file of events")
        else:
            scene = replace(self.task.scene, noise_hz=noise_hz)
            task = replace(self.task, scene=scene, seed=seed)
            if kind == FREE:
                shown = self.classes[seed % len(self.classes)]
                chosen = shown if object_class == "any" else object_class
                film = FreeScene(chosen, seed, scene)
            else:
                film = TierScene(task, kind, object_class, hidden)
        self.close()
        self.film, self.at, self.curtain = film, 0, Curtain()
        self.watchers = self.cast.watchers()
        return {
            "classes": list(self.classes),
            "models": [{"title": one.title, "about": one.about} for one in self.watchers],
            "frames": film.frames, "frame_ms": self.cast.trained.run.frame_us / 1000, "kind": kind,
        }  # fmt: skip

    def move(self, asked: Mapping[str, Any]) -> None:
        """Take what the visitor does: `band` [from, to] or None, `lit`, `motion` of `MOTIONS`.

        Raises:
            UserError: a band or a motion that is none.
        """
        motion = asked.get("motion", MOTIONS[0])
        if motion not in MOTIONS:
            raise UserError(f"the object {', '.join(MOTIONS)}; not {motion!r:.40}")
        self.hand = Hand(_band(asked.get("band")), bool(asked.get("lit", True)), motion)

    def step(self) -> dict[str, Any] | None:
        """The next frame and what is believed of it; None at the end."""
        hand = replace(self.hand, band=self.curtain.toward(self.hand.band))
        shown = None if self.film is None else self.film.step(hand)
        if shown is None:
            return None
        self.at += 1
        seen = [watcher.push(shown.frame) for watcher in self.watchers]
        bits = np.packbits(shown.frame.reshape(-1), bitorder="little").tobytes()
        return {
            "t": self.at - 1,
            "shape": list(shown.frame.shape),
            "events": int(shown.frame.sum()),
            "bits": base64.b64encode(bits).decode(),
            "truth": None if shown.position is None else [round(x, 4) for x in shown.position],
            "label": shown.label,
            "presence": None if shown.presence is None else PRESENCE_NAMES[shown.presence],
            "occluder": [round(float(x), 4) for x in shown.occluder],
            "beliefs": [one.row() for one in seen],
        }

    def close(self) -> None:
        """Let go of files."""
        if self.film is not None:
            self.film.close()
            self.film = None


def _whole(asked: Mapping[str, Any], name: str, usual: int) -> int:
    value = asked.get(name, usual)
    if not isinstance(value, int) or not 0 <= value < 2**31:
        raise UserError(f"{name} is a whole number from 0 on, got {value!r:.40}")
    return value


def _number(asked: Mapping[str, Any], name: str, usual: float) -> float:
    value = asked.get(name, usual)
    if not isinstance(value, int | float) or not 0 <= value <= MOST_NOISE_HZ:
        raise UserError(f"{name} lies in [0, {MOST_NOISE_HZ:g}], got {value!r:.40}")
    return float(value)


def _band(value: Any) -> Band | None:
    if value is None:
        return None
    whole = isinstance(value, list) and len(value) == 2
    if not whole or not all(isinstance(x, int | float) and math.isfinite(x) for x in value):
        raise UserError(f"a curtain is two numbers, got {value!r:.40}")
    low, high = (float(np.clip(x, -4, 4)) for x in value)
    if low > high:
        raise UserError(f"a curtain reaches from left to right, got {value!r:.40}")
    return low, high
