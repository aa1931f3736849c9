"""PermanenceBench: does a model still know what and where an object is that it cannot see?

Belief is judged at the last hidden frame. It is right if the class is right and the place lies
within 1/8 of the sensor's side of the true, hidden place; of sensors that are no square, of the
shorter one. Recovery, at the third frame after the object reappears, stands beside it and claims
nothing: there the object is shown again.
Presence is judged beside both: is there anything, in view, hidden, gone, or a stranger?

Axes: E events (one occlusion of one object each), T time steps, C classes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.engine.runner import runner_of
from neurosvt.nn.heads import Belief
from neurosvt.nn.weights import device_of
from neurosvt.permanence.baselines.latch import Latch, hold
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.metrics import UNTOLD, Outcomes, concat_batches
from neurosvt.permanence.moments import (
    FAMILIAR,
    Moment,
    belief_moments,
    judges_presence,
    moments_of,
)
from neurosvt.permanence.tasks import Task
from neurosvt.scenes.scenes import Scenes

CHUNK = 64
"""Frames per forward pass: a chunk bounds memory and, state being explicit, changes nothing."""


@dataclass(frozen=True)
class Predictions:
    """What a model said at every step of whole sequences."""

    label: np.ndarray
    """(T, B) most likely class."""
    confidence: np.ndarray
    """(T, B) its probability."""
    position: np.ndarray
    """(T, B, 2) in [0, 1] of the sensor."""
    presence: np.ndarray
    """(T, B) most likely `Presence`, or `UNTOLD`."""

    @classmethod
    def of(cls, belief: Any) -> "Predictions":
        """From a belief of all steps, or of some."""
        confidence, label = belief.class_logits.softmax(-1).max(-1)
        logits = belief.presence_logits
        presence = logits.argmax(-1).masked_fill(logits.isnan().any(-1), UNTOLD)
        return cls(label.numpy(), confidence.numpy(), belief.position.numpy(), presence.numpy())


def outcomes_at(said: Predictions, scenes: Scenes, at: Moment) -> Outcomes:
    """What is said and what is true at a moment."""
    extent = np.array(scenes.extent, scenes.position.dtype)
    return Outcomes(
        said.label[at],
        said.position[at] * extent,
        scenes.label[at],
        scenes.position[at] * extent,
        at[1],
        said.confidence[at],
        said.presence[at],
        scenes.presence[at],
    )


Shared = dict[nn.Module, Belief]
"""What models said of one batch, so that those who stand on the same network ask it once."""


@torch.no_grad()
def beliefs(
    model: nn.Module, scenes: Scenes, shared: Shared | None = None, **options: Any
) -> Belief:
    """Show one batch to a model, in eval mode; what it believes after every step, on the CPU.

    It is called as `belief, state = model(frames, state, **options)` on chunks of frames; the
    engine answers for a NeuroSVT that it can run.
    """
    shared = {} if shared is None else shared
    if isinstance(model, Latch):
        return hold(beliefs(model.model, scenes, shared, **options), model.threshold)
    if model not in shared:
        shared[model] = _show(model, scenes, **options)
    return shared[model]


def _show(model: nn.Module, scenes: Scenes, **options: Any) -> Belief:
    state, parts, device = None, [], device_of(model)
    runner, rest = runner_of(model, options)
    frames_at_once = CHUNK if runner is model else len(scenes.frames)  # the engine goes by frames
    for frames in torch.split(torch.from_numpy(scenes.frames), frames_at_once):
        belief, state = runner(frames.to(device), state, **rest)
        parts.append(belief)
    return Belief(*(torch.cat(column).cpu() for column in zip(*parts, strict=True)))


def predict(
    model: nn.Module, scenes: Scenes, shared: Shared | None = None, **options: Any
) -> Predictions:
    """As `beliefs`: what the model says at every step."""
    return Predictions.of(beliefs(model, scenes, shared, **options))


@contextmanager
def noise_of_batch(index: int) -> Iterator[None]:
    """The same noise for everyone who is asked about a batch, whoever else is."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(index)
        yield


def evaluate_batch(
    model: nn.Module,
    scenes: Scenes,
    shared: Shared | None = None,
    *,
    moments: Mapping[str, Moment] | None = None,
    **options: Any,
) -> dict[str, Outcomes]:
    """Show one batch to a model; its answers at the moments, by default while seen, at the last
    hidden frame, and recovered; otherwise as `predict`."""
    moments = belief_moments(scenes) if moments is None else moments
    if isinstance(model, TrackFit):
        found = evaluate_batch(model.knows, scenes, shared, moments=moments, **options)
        if "belief" not in found:
            return found
        places = model.positions(scenes) * scenes.extent
        return {**found, "belief": replace(found["belief"], predicted_position=places)}
    said = predict(model, scenes, shared, **options)
    return {name: outcomes_at(said, scenes, at) for name, at in moments.items()}


def evaluate_cell(
    models: Mapping[str, nn.Module],
    task: Task,
    tier: str,
    hidden: int,
    events: int,
    *,
    on_batch: Callable[[int], None] = lambda events: None,
    **options: Any,
) -> dict[str, dict[str, Outcomes]]:
    """Ask every model the same of one cell.

    Args:
        models: by name, in eval mode; each is called as `belief, state = model(frames, state)`.
        task, tier, hidden, events: the cell, as `task.batches` takes them.
        on_batch: told after every batch how many events it had.
        options: go to the models: `state_noise`, `state_bits`, `frame_ms`.

    Returns:
        Outcomes by model, then by when they were judged: the names of `moments_of`.
    """
    outcomes: dict[str, list[dict[str, Outcomes]]] = {name: [] for name in models}
    for scenes in task.batches(tier, hidden, events):
        shared: Shared = {}
        moments = moments_of(tier, scenes, task.scene)
        for name, model in models.items():
            with noise_of_batch(len(outcomes[name])):
                found = evaluate_batch(model, scenes, shared, moments=moments, **options)
            outcomes[name].append(found)
        on_batch(scenes.label.shape[1] * len(scenes.occlusions))
    asked = {
        name: {when: concat_batches(p[when] for p in parts) for when in parts[0]}
        for name, parts in outcomes.items()
    }
    # Recordings may end before a moment comes.
    return {name: {w: o for w, o in told.items() if len(o.label)} for name, told in asked.items()}


SHORTER = (30, 10, 3)
"""Numbers of hidden frames that a look at validation falls back to, where recordings are short."""

LATCH_THRESHOLDS = np.linspace(-40, 12, 105)
"""Logits of "unseen" that are tried for a latch: a memoryless model is as sure as -38 that it sees,
and the surer the frame, the better an answer to hold."""


@torch.no_grad()
def beliefs_of_objects(
    model: nn.Module, task: Task, hidden: int, events: int, state_noise: float
) -> Iterator[tuple[Scenes, Belief]]:
    """Every batch of the tiers that judge class and place, and what is believed at its steps."""
    for tier, length in cells(task, as_long_as_possible(task, [hidden])):
        if judges_presence(tier):
            continue
        for index, scenes in enumerate(task.batches(tier, length, events)):
            with noise_of_batch(index):
                believed = beliefs(model, scenes, state_noise=state_noise)
            yield scenes, believed


def tune_latch(
    model: nn.Module, task: Task, hidden: int = 60, events: int = 200, state_noise: float = 0.0
) -> tuple[float, float]:
    """The unseen threshold at which a latch on this memoryless model is right most often.

    Returns:
        The threshold, a logit, and the belief that it reached on the exam. Of thresholds that are
        equally good, the one in their middle.
    """
    right = [
        [_right_at_last(hold(whole, t), scenes) for t in LATCH_THRESHOLDS.tolist()]
        for scenes, whole in beliefs_of_objects(model, task, hidden, events, state_noise)
    ]
    scores = np.concatenate(right, axis=1).mean(1)
    best = np.flatnonzero(scores == scores.max())
    return float(LATCH_THRESHOLDS[best[len(best) // 2]]), float(scores.max())


def _right_at_last(belief: Any, scenes: Scenes) -> np.ndarray:
    """What a belief about whole sequences has right at the end of every occlusion."""
    return outcomes_at(Predictions.of(belief), scenes, belief_moments(scenes)["belief"]).right


def validation_score(
    model: nn.Module,
    task: Task,
    events: int,
    hidden: Sequence[int] = (60, 600),
    state_noise: float = 0.0,
) -> dict[str, float]:
    """By what training chooses a model: it has to see well, to keep what it saw, and to know when
    there is nothing to keep.

    Returns:
        Means over the tiers: `visible`, what it knows while it sees; `belief_K` after K hidden
        frames; `belief`, their mean; and, where tiers of presence are among those of the task,
        `presence`, their mean over lengths and moments. `score` is the mean of those three, or two.
        Strangers of the family that training never shows choose no model either.
    """
    visible: list[float] = []
    presence: list[float] = []
    belief: dict[str, list[float]] = {}
    for tier, length in cells(task, as_long_as_possible(task, hidden)):
        found = evaluate_cell({"": model}, task, tier, length, events, state_noise=state_noise)[""]
        if judges_presence(tier):
            of_classes = [found[name] for name in FAMILIAR if name in found]
            presence.append(float(np.mean([one.presence_right.mean() for one in of_classes])))
            continue
        visible.append(found["visible"].right.mean())
        belief.setdefault(f"belief_{length}", []).append(found["belief"].right.mean())
    by_length = {name: float(np.mean(shares)) for name, shares in belief.items()}
    means = {"visible": float(np.mean(visible)), "belief": float(np.mean(list(by_length.values())))}
    if presence:
        means["presence"] = float(np.mean(presence))
    return {**by_length, **means, "score": float(np.mean(list(means.values())))}


def as_long_as_possible(task: Task, hidden: Sequence[int]) -> Sequence[int]:
    """Those numbers of hidden frames for which any object of a task hides; if there is none, the
    longest of `SHORTER` for which one does.

    Raises:
        UserError: no tier hides anything for so long.
    """
    hiding = [tier for tier in task.tiers if not judges_presence(tier)]

    def hides(length: int) -> bool:
        return any(task.supports(tier, length) for tier in hiding)

    found = list(filter(hides, hidden)) or list(filter(hides, SHORTER))[:1]
    if not found:
        lengths = " or ".join(map(str, [*hidden, *SHORTER]))
        raise UserError(f"no tier of {task.name} hides anything for {lengths} frames")
    return found


def cells(
    task: Task, hidden: Iterable[int], tiers: Iterable[str] | None = None
) -> Iterator[tuple[str, int]]:
    """Every tier of an exam, or those named, with every number of hidden frames it asks for."""
    lengths = list(hidden)
    asked = task.tiers if tiers is None else tiers
    return ((tier, length) for tier in asked for length in lengths if task.supports(tier, length))
