"""PermanenceBench: does a model still know what and where an object is that it cannot see?

Belief is judged at the last hidden frame. It is right if the class is right and the place lies
within 1/8 of the sensor's side of the true, hidden place. Recovery, at the third frame after the
object reappears, stands beside it and claims nothing: there the object is shown again.

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
from neurosvt.permanence.metrics import Outcomes, concat_batches, concat_occlusions
from neurosvt.permanence.tasks import Task
from neurosvt.scenes.scenes import Occlusion, Scenes

CHUNK = 64
"""Frames per forward pass: a chunk bounds memory and, state being explicit, changes nothing."""


def judged_at(occlusion: Occlusion) -> dict[str, np.ndarray]:
    """When an occlusion is asked about: indices of frames, one a sequence."""
    hidden_last = np.full_like(occlusion.seen, occlusion.last)
    return {"visible": occlusion.seen, "belief": hidden_last, "recovery": occlusion.recovered}


@dataclass(frozen=True)
class Predictions:
    """What a model said at every step of whole sequences."""

    label: np.ndarray
    """(T, B) most likely class."""
    confidence: np.ndarray
    """(T, B) its probability."""
    position: np.ndarray
    """(T, B, 2) in sensor sides."""

    @classmethod
    def of(cls, belief: Any) -> "Predictions":
        """From a belief of all steps, or of some."""
        confidence, label = belief.class_logits.softmax(-1).max(-1)
        return cls(label.numpy(), confidence.numpy(), belief.position.numpy())


def outcomes_at(said: Predictions, scenes: Scenes, when: np.ndarray) -> Outcomes:
    """What is said and what is true at the frames (B,) that lie within the sequences."""
    within = np.flatnonzero(when < len(said.label))
    at = when[within], within
    return Outcomes(
        said.label[at],
        said.position[at],
        scenes.label[at],
        scenes.position[at],
        within,
        said.confidence[at],
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
    model: nn.Module, scenes: Scenes, shared: Shared | None = None, **options: Any
) -> dict[str, Outcomes]:
    """Show one batch to a model; its answers while seen, at the last hidden frame, and recovered;
    otherwise as `predict`."""
    if isinstance(model, TrackFit):
        found = evaluate_batch(model.knows, scenes, shared, **options)
        return {
            **found,
            "belief": replace(found["belief"], predicted_position=model.positions(scenes)),
        }
    said = predict(model, scenes, shared, **options)
    by_occlusion = [
        {name: outcomes_at(said, scenes, at) for name, at in judged_at(o).items()}
        for o in scenes.occlusions
    ]
    return {name: concat_occlusions(one[name] for one in by_occlusion) for name in by_occlusion[0]}


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
        Outcomes by model, then by when they were judged: "visible", "belief", "recovery".
    """
    outcomes: dict[str, list[dict[str, Outcomes]]] = {name: [] for name in models}
    for scenes in task.batches(tier, hidden, events):
        shared: Shared = {}
        for name, model in models.items():
            with noise_of_batch(len(outcomes[name])):
                outcomes[name].append(evaluate_batch(model, scenes, shared, **options))
        on_batch(scenes.label.shape[1] * len(scenes.occlusions))
    return {
        name: {when: concat_batches(p[when] for p in parts) for when in parts[0]}
        for name, parts in outcomes.items()
    }


LATCH_THRESHOLDS = np.linspace(-40, 12, 105)
"""Logits of "unseen" that are tried for a latch: a memoryless model is as sure as -38 that it sees,
and the surer the frame, the better an answer to hold."""


@torch.no_grad()
def tune_latch(
    model: nn.Module, task: Task, hidden: int = 60, events: int = 200, state_noise: float = 0.0
) -> tuple[float, float]:
    """The unseen threshold at which a latch on this memoryless model is right most often.

    Returns:
        The threshold, a logit, and the belief that it reached on the exam. Of thresholds that are
        equally good, the one in their middle.
    """
    right = []
    for tier, length in cells(task, [hidden]):
        for index, scenes in enumerate(task.batches(tier, length, events)):
            with noise_of_batch(index):
                whole = beliefs(model, scenes, state_noise=state_noise)
            right.append(
                [_right_at_last(hold(whole, t), scenes) for t in LATCH_THRESHOLDS.tolist()]
            )
    scores = np.concatenate(right, axis=1).mean(1)
    best = np.flatnonzero(scores == scores.max())
    return float(LATCH_THRESHOLDS[best[len(best) // 2]]), float(scores.max())


def _right_at_last(belief: Any, scenes: Scenes) -> np.ndarray:
    """What a belief about whole sequences has right at the end of every occlusion."""
    said = Predictions.of(belief)
    lasts = (judged_at(o)["belief"] for o in scenes.occlusions)
    return np.concatenate([outcomes_at(said, scenes, last).right for last in lasts])


def validation_score(
    model: nn.Module,
    task: Task,
    events: int,
    hidden: Sequence[int] = (60, 600),
    state_noise: float = 0.0,
) -> dict[str, float]:
    """By what training chooses a model: it has to see well, and to keep what it saw.

    Returns:
        Means over the tiers: `visible`, what it knows while it sees; `belief_K` after K hidden
        frames; and `belief`, their mean. `score` is the mean of `visible` and `belief`.
    """
    right: dict[str, list[float]] = {"visible": []}
    for tier, length in cells(task, hidden):
        found = evaluate_cell({"": model}, task, tier, length, events, state_noise=state_noise)[""]
        right["visible"].append(found["visible"].right.mean())
        right.setdefault(f"belief_{length}", []).append(found["belief"].right.mean())
    means = {name: float(np.mean(shares)) for name, shares in right.items()}
    asked = [share for name, share in means.items() if name != "visible"]
    if not asked:
        raise UserError(
            f"no tier of {task.name} hides anything for {' or '.join(map(str, hidden))}"
        )
    belief = float(np.mean(asked))
    return {**means, "belief": belief, "score": (means["visible"] + belief) / 2}


def cells(
    task: Task, hidden: Iterable[int], tiers: Iterable[str] | None = None
) -> Iterator[tuple[str, int]]:
    """Every tier of an exam, or those named, with every number of hidden frames it asks for."""
    lengths = list(hidden)
    asked = task.tiers if tiers is None else tiers
    return ((tier, length) for tier in asked for length in lengths if task.supports(tier, length))
