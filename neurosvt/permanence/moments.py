"""When an answer counts: frames of sequences, by what is asked there.

Axes: B batch, T time steps, A answers.
"""

from collections.abc import Iterable

import numpy as np

from neurosvt.presence import Presence
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import Occlusion, Scenes
from neurosvt.scenes.tiers import TIERS

SOON = 20
"""Frames of 10 ms after its last part has left in which a model has to say that it is gone."""

FAMILIAR = ("visible", "soon", "last", "always")
"""Moments of presence of what training shows too."""

Moment = tuple[np.ndarray, np.ndarray]
"""Indices of frames (A,), and of the sequences (A,) that each is of."""


def judges_presence(tier: str) -> bool:
    """Whether a tier asks for presence alone; every other asks for class and place as well."""
    return tier in TIERS and TIERS[tier].judged == "presence"


def moments_of(tier: str, scenes: Scenes, config: SceneConfig) -> dict[str, Moment]:
    """When sequences of a tier are asked about, those moments alone that lie within them.

    - "visible": the last frame in which the whole object is in view
    - "belief": the last hidden frame
    - "recovery": the third frame after the object is back
    - "soon", of what leaves: the `SOON`th frame after nothing of it is in view
    - "last", of tiers of presence: as "belief", which is what they do not ask for
    - "always", of empty scenes: every frame

    Strangers of a family that training never shows have moments of their own, see `of_unfamiliar`.
    """
    if not judges_presence(tier):
        return belief_moments(scenes)
    steps, batch = scenes.presence.shape
    if TIERS[tier].in_view is Presence.NOTHING:
        frames, sequences = np.indices((steps, batch)).reshape(2, -1)
        return {"always": (frames, sequences)}
    found = {"visible": _at(scenes, (o.seen for o in scenes.occlusions))}
    if TIERS[tier].out_of_view is Presence.GONE:
        soon = [(o.first + config.frames(SOON) - 1, o.last) for o in scenes.occlusions]
        if all(frame <= last for frame, last in soon):
            found["soon"] = _at(scenes, (np.full(batch, frame) for frame, _ in soon))
    found["last"] = _at(scenes, map(last_hidden, scenes.occlusions))
    if scenes.unfamiliar is None:
        return found
    return {
        named: (frames[unfamiliar == apart], sequences[unfamiliar == apart])
        for name, (frames, sequences) in found.items()
        for unfamiliar in [scenes.unfamiliar[sequences]]
        for named, apart in ((name, False), (of_unfamiliar(name), True))
    }


def of_unfamiliar(name: str) -> str:
    """What a moment is called where it is of strangers of a family that training never shows.

    >>> of_unfamiliar("last")
    'last_unfamiliar'
    """
    return f"{name}_unfamiliar"


def belief_moments(scenes: Scenes) -> dict[str, Moment]:
    """When class and place are asked, of one occlusion after the other."""
    return {
        "visible": _at(scenes, (o.seen for o in scenes.occlusions)),
        "belief": _at(scenes, map(last_hidden, scenes.occlusions)),
        "recovery": _at(scenes, (o.recovered for o in scenes.occlusions)),
    }


def last_hidden(occlusion: Occlusion) -> np.ndarray:
    """(B,) index of the last hidden frame."""
    return np.full_like(occlusion.seen, occlusion.last)


def _at(scenes: Scenes, frames: Iterable[np.ndarray]) -> Moment:
    """Frames (B,) of every occlusion, without those beyond the end."""
    parts = list(frames)
    when = np.concatenate(parts)
    sequences = np.tile(np.arange(len(parts[0])), len(parts))
    within = when < len(scenes.frames)
    return when[within], sequences[within]
