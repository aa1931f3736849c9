"""The tiers of PermanenceBench: what happens to the objects of made-up scenes, and for how long.

A tier of one's own is a function that makes a `Timeline`, and a name for it:

    TIERS["fog"] = Tier(fog, frames_to_hide=40)

From then on it can be trained on and judged, as those of this file.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from neurosvt.config import Registry
from neurosvt.presence import Presence
from neurosvt.scenes.containers import CUP_LEAVES, carried, contained
from neurosvt.scenes.hiding import (
    blackout,
    curtain,
    curtain_moving,
    distractor,
    gripper,
    screen,
    tunnel,
)
from neurosvt.scenes.presences import FRAMES_TO_LEAVE, emptiness, leaves, stranger
from neurosvt.scenes.sampling import SampledObjects, SceneConfig
from neurosvt.scenes.timeline import Clock, Timeline

SMALL = 0.58
"""Size of the objects that pass through a tunnel against others': the sensor has to hold the way
in, the way through and the way out."""


@dataclass(frozen=True)
class Tier:
    """One way in which objects are hidden."""

    timeline: Callable[[SampledObjects, Clock, np.random.Generator, SceneConfig], Timeline]
    """What happens to these objects, hidden from `Clock.hidden` to `Clock.back`; its randomness
    comes from the generator alone, so that the same seed gives the same bytes."""
    frames_to_hide: int = 16
    """Frames from `Clock.hide` to `Clock.hidden`, of 10 ms, as `longest`."""
    per_hidden: float = 0.0
    """Further frames to hide for every frame in view or hidden: the slower, the longer."""
    longest: int | None = None
    """Most hidden frames; an object that moves for longer would be too slow to be seen."""
    scale: float = 1.0
    """Size of its objects against others'."""
    noise: float = 1.0
    """Noise events against other tiers'."""
    hot_pixels: int = 0
    """In every sensor, if it has noise at all."""
    frames_to_return: int = 0
    """Frames from when the object begins to come back to when enough of it is there, at most, of
    10 ms; 0 where that takes no time."""
    in_view: Presence = Presence.IN_VIEW
    """What is true of its objects while any of them can be seen."""
    out_of_view: Presence = Presence.HIDDEN
    """What is true while nothing of them can be seen."""
    judged: Literal["belief", "presence"] = "belief"
    """What is judged: class and place at the last hidden frame, or presence alone."""

    @property
    def of_classes(self) -> bool:
        """Whether its objects are of the classes, and there at all."""
        return self.in_view is Presence.IN_VIEW

    def at(self, config: SceneConfig) -> "Tier":
        """The same in frames of the camera's length: what hides takes as long."""
        longest = None if self.longest is None else config.frames(self.longest)
        returning = config.frames(self.frames_to_return) if self.frames_to_return else 0
        hiding = config.frames(self.frames_to_hide)
        return replace(self, frames_to_hide=hiding, frames_to_return=returning, longest=longest)

    def transition(self, seen: int, hidden: int) -> int:
        """Frames from when the object may begin to vanish to when it has."""
        return self.frames_to_hide + math.ceil(self.per_hidden * (seen + hidden))

    def returning(self, seen: int, hidden: int) -> int:
        """Frames from when it begins to come back to when enough of it is there, at most."""
        return self.frames_to_return + math.ceil(self.per_hidden * (seen + hidden) / 3)

    def camera(self, config: SceneConfig) -> SceneConfig:
        """The camera of this tier."""
        hot = self.hot_pixels if config.noise_hz else config.hot_pixels
        blind = config.blind or self.in_view is Presence.NOTHING
        return replace(config, noise_hz=self.noise * config.noise_hz, hot_pixels=hot, blind=blind)


TIERS: Registry[Tier] = Registry(
    "tier",
    {
        "blackout": Tier(blackout, frames_to_hide=2),
        "curtain": Tier(curtain),
        "curtain_moving": Tier(curtain_moving, longest=120),
        "gripper": Tier(gripper),
        "tunnel": Tier(tunnel, frames_to_hide=12, per_hidden=1.4, longest=120, scale=SMALL),
        "screen": Tier(screen, frames_to_hide=12, per_hidden=1.4, longest=120, scale=SMALL),
        "distractor": Tier(distractor, noise=10.0, hot_pixels=4),
        "carried": Tier(carried),
        "contained": Tier(contained, frames_to_hide=40, frames_to_return=CUP_LEAVES),
        "empty": Tier(
            emptiness,
            in_view=Presence.NOTHING,
            out_of_view=Presence.NOTHING,
            judged="presence",
        ),
        "leaves": Tier(
            leaves,
            frames_to_hide=FRAMES_TO_LEAVE,
            frames_to_return=FRAMES_TO_LEAVE,
            out_of_view=Presence.GONE,
            judged="presence",
        ),
        "stranger": Tier(
            stranger,
            in_view=Presence.STRANGER,
            out_of_view=Presence.STRANGER,
            judged="presence",
        ),
    },
)
"""By name. "succession" is none of these: it is made of several scenes (`scenes.succession`)."""
