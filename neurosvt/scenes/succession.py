"""Objects one after the other, each hidden in turn: a new one displaces the old.

Every part but the first begins where the one before ended, in the dark or behind a shutter over the
whole sensor, and opens upon another object at another position: of any class, the same one
included, so that something known may be back where nobody expects it.

Axes: T frames, B batch, K substeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neurosvt.config import Registry
from neurosvt.datasets.mnist import Digits
from neurosvt.scenes.occluders import Sweep, dimmed
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SampledObjects, SceneConfig
from neurosvt.scenes.scenes import Scenes, make_scenes, one_after_another
from neurosvt.scenes.tiers import TIERS, Tier
from neurosvt.scenes.timeline import UNBOUNDED, Clock, Timeline
from neurosvt.scenes.trajectories import bounce

SUCCESSION = "succession"
"""The tier of this file, which is no `Tier`: each of its sequences hides several objects."""

PART_OPENING = 16
"""Frames that a part takes at most to open, and to close."""

PART_FADE = 2
"""Frames in which the light goes on or off."""


def all_tiers() -> tuple[str, ...]:
    """The tiers that can be trained on and judged now: those of `TIERS`, and succession."""
    return (*TIERS, SUCCESSION)


def belief_tiers() -> tuple[str, ...]:
    """Those of `all_tiers` in which class and place are judged."""
    judged = [name for name, tier in TIERS.items() if tier.judged == "belief"]
    return (*judged, SUCCESSION)


def checked_tier(name: str) -> str:
    """`name` itself, if there is such a tier.

    Raises:
        UserError: there is none; the message says which may be meant.
    """
    Registry("tier", dict.fromkeys(all_tiers()))[name]
    return name


@dataclass(frozen=True)
class _Part:
    """How a part opens and closes: by light, by shutter, or, at the beginning, not at all."""

    opens: str
    closes: str

    def timeline(
        self, objects: SampledObjects, clock: Clock, rng: np.random.Generator, config: SceneConfig
    ) -> Timeline:
        """The object moves until something begins to hide it, and once it is free again."""
        batch, n = len(objects.label), clock.substeps
        fade, opening = config.frames(PART_FADE) * n, config.frames(PART_OPENING) * n
        substep = np.arange(clock.end + 1)[:, None]
        sweep = Sweep.draw(objects, clock, rng, config)
        light = np.ones((len(substep), batch))
        edge = np.broadcast_to(sweep.near - 1, light.shape)
        moves = substep <= clock.hide
        before = bounce(objects, np.broadcast_to(moves, light.shape), config)
        if self.opens == "light":
            dawn = Clock(-fade, 0, 0, clock.end, n, clock.substep_ms)
            light = dimmed(dawn, batch, rng)
        if self.opens == "shutter":
            path = sweep.far + 4 - sweep.near
            edge = np.clip(sweep.far + 3 - path * substep / opening, sweep.near - 1, None)
        if self.closes == "light":
            light = light * dimmed(replace(clock, hide=clock.hidden - fade), batch, rng)
            moves = moves | (substep > clock.back + fade)
        else:
            cover = (before[clock.hidden] * sweep.normal).sum(-1) + sweep.reach
            # A part that ends in hiding leaves the shutter shut, and shut it is in one frame more.
            closing = sweep.edge(cover, cover, clock, furthest=sweep.far)
            if clock.end == clock.back:
                late = np.clip((substep - clock.hidden) / n, 0, 1) * (sweep.far + 3 - cover) + cover
                closing = np.where(substep > clock.hidden, late, closing)
            edge = np.maximum(edge, closing)
            moves = moves | (substep > clock.back) & (edge < cover - 2 * sweep.reach)
        band = np.stack([np.full(light.shape, -UNBOUNDED), edge], -1)[:, :, None]
        position = bounce(objects, np.broadcast_to(moves, light.shape), config)
        return Timeline(position, light, sweep.normal, band)


def make_succession(
    seed: int | Sequence[int],
    batch: int,
    *,
    seen: int,
    hidden: Sequence[int],
    after: int,
    before: int = 0,
    config: SceneConfig = DEFAULT_CONFIG,
    digits: Digits | None = None,
) -> Scenes:
    """Make a batch of successions; the same arguments give the same bytes.

    Args:
        seed: non-negative; for training and judging take `split_seed`.
        batch: how many sequences, >= 1.
        seen: frames of every object wholly in view, at least, >= 1.
        hidden: frames hidden, of each object, >= 1.
        after: frames from the last object's coming back to the end, >= 0.
        before: frames of emptiness that come first, as of `make_scenes`.
        config: camera and objects.
        digits: objects in place of the eight shapes.

    Raises:
        ValueError: a number out of range.
    """
    if not hidden:
        raise ValueError("hidden must name the hidden frames of at least one object")
    words = [seed] if isinstance(seed, int) else list(seed)
    closing = np.random.default_rng([*words, 0]).choice(["light", "shutter"], len(hidden)).tolist()
    last = len(hidden) - 1
    parts = [
        make_scenes(
            Tier(_Part(opens, closes).timeline, frames_to_hide=PART_OPENING),
            [*words, index + 1],
            batch,
            seen=seen + (config.frames(PART_OPENING) if index else 0),
            hidden=length,
            after=after if index == last else 0,
            before=0 if index else before,
            config=config,
            digits=digits,
        )
        for index, (opens, closes, length) in enumerate(
            zip(["", *closing], closing, hidden, strict=False)
        )
    ]
    # Behind a shutter the next object is in view when that has opened, by light at once.
    openings = [
        config.frames(PART_FADE if closes == "light" else PART_OPENING) for closes in closing[:-1]
    ]
    return one_after_another(parts, [*openings, 0])
