"""How readily a model says that there is nothing, or a stranger: tuned once training has ended.

Training shows emptiness and strangers in few of its scenes, and scores learn how rare they are.
What a score leaves out is told from what it lets in better than it says. So the two are raised, or
lowered, by as much as costs few of the objects that there are.

Source: Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, sec. 4.2, with the
adjustment measured in place of the share in training.

Axes: N answers.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.permanence.evaluate import beliefs_of_objects
from neurosvt.permanence.moments import belief_moments
from neurosvt.permanence.tasks import Task
from neurosvt.presence import Presence

MOST_LOST = 0.01
"""Share of the objects of the classes, in view or hidden, of which each of the two may be said."""


PRESENCE_EVENTS = 200
"""Occlusions a tier that the two are tuned on, where no other number is asked for."""


def tune_presence(
    model: nn.Module,
    task: Task,
    hidden: int = 60,
    events: int | None = None,
    state_noise: float = 0.0,
) -> dict[Presence, float]:
    """What to add to the scores of `NOTHING` and `STRANGER`.

    Args:
        model, task, hidden, events, state_noise: as of `scores_of_objects`.
    """
    return raised(scores_of_objects(model, task, hidden, events, state_noise))


def scores_of_objects(
    model: nn.Module,
    task: Task,
    hidden: int = 60,
    events: int | None = None,
    state_noise: float = 0.0,
) -> Float[Tensor, "N P"]:
    """Scores of presence of objects of the classes, last in view and last hidden.

    Args:
        model: tells presence.
        task: of validation; its objects of the classes are asked about.
        hidden: frames; each tier that has so many.
        events: occlusions a tier; None for `PRESENCE_EVENTS`.
        state_noise: on the model's state.
    """
    found, events = [], PRESENCE_EVENTS if events is None else events
    for scenes, belief in beliefs_of_objects(model, task, hidden, events, state_noise):
        moments = belief_moments(scenes)
        found += [belief.presence_logits[moments[name]] for name in ("visible", "belief")]
    return torch.cat(found)


def raised(scores: Float[Tensor, "N P"], most_lost: float = MOST_LOST) -> dict[Presence, float]:
    """By how much two scores may rise before they are the highest of more than `most_lost` of
    objects that are neither."""
    others = scores[:, [Presence.IN_VIEW, Presence.HIDDEN, Presence.GONE]].amax(1)
    return {
        kind: -float((scores[:, kind] - others).quantile(1 - most_lost))
        for kind in (Presence.NOTHING, Presence.STRANGER)
    }
