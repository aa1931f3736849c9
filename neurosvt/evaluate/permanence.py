"""PermanenceBench: does a model still know what and where an object is that it cannot see?

Belief is judged at the last hidden frame. It is right if the class is right and the place lies
within 1/8 of the sensor's side of the true, hidden place. Recovery, at the third frame after the
object reappears, stands beside it and claims nothing: there the object is shown again.

Axes: E events (one occlusion of one object each), T time steps, C classes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt.data.scenes import Scenes
from neurosvt.evaluate.exams import RECOVERY, Exam, Question

NEAR = 1 / 8
"""Largest place error that is right, in sensor sides."""

CHUNK = 64
"""Frames per forward pass: a chunk bounds memory and, state being explicit, changes nothing."""


@dataclass(frozen=True)
class Answers:
    """What was said and what was true, at one moment of every event."""

    said_class: np.ndarray
    """(E,) most likely class."""
    said_place: np.ndarray
    """(E, 2) in sensor sides."""
    label: np.ndarray
    place: np.ndarray

    @property
    def class_right(self) -> np.ndarray:
        """(E,) bool."""
        return self.said_class == self.label

    @property
    def place_error(self) -> np.ndarray:
        """(E,) distance in sensor sides."""
        return np.linalg.norm(self.said_place - self.place, axis=-1)

    @property
    def right(self) -> np.ndarray:
        """(E,) bool: class and place."""
        return self.class_right & (self.place_error <= NEAR)


def answers_of(belief: Any, step: int, scenes: Scenes, moment: int) -> Answers:
    """What a belief says at one of its steps, beside what is true at a moment of the scenes."""
    return Answers(
        belief.class_logits[step].argmax(-1).numpy(),
        belief.place[step].numpy(),
        scenes.label,
        scenes.place[moment],
    )


def join(parts: Iterable[Answers]) -> Answers:
    """Answers of several batches as one."""
    columns = zip(*((a.said_class, a.said_place, a.label, a.place) for a in parts), strict=True)
    return Answers(*(np.concatenate(column) for column in columns))


@torch.no_grad()
def ask(model: nn.Module, question: Question, state_noise: float = 0.0) -> dict[str, Answers]:
    """Show one batch to a model; its answers while seen, at the last hidden frame, and recovered.

    The model is called as `belief, state = model(frames, state, state_noise=...)` on chunks of
    frames and needs to be in eval mode.
    """
    scenes, last_seen = question
    moments = {
        "visible": last_seen,
        "belief": scenes.last_hidden,
        "recovery": scenes.last_hidden + RECOVERY,
    }
    frames = torch.from_numpy(scenes.frames)
    state, answers = None, {}
    for start in range(0, len(frames), CHUNK):
        belief, state = model(frames[start : start + CHUNK], state, state_noise=state_noise)
        for name, moment in moments.items():
            if start <= moment < start + CHUNK:
                answers[name] = answers_of(belief, moment - start, scenes, moment)
    return answers


def judge(
    models: Mapping[str, nn.Module],
    exam: Exam,
    tier: str,
    hidden: int,
    events: int,
    *,
    state_noise: float = 0.0,
    on_batch: Callable[[int], None] = lambda events: None,
) -> dict[str, dict[str, Answers]]:
    """Ask every model the same questions of one cell: answers by model, then by moment."""
    answers: dict[str, list[dict[str, Answers]]] = {name: [] for name in models}
    for question in exam.questions(tier, hidden, events):
        for name, model in models.items():
            # The same noise for everyone, whoever else is asked.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(len(answers[name]))
                answers[name].append(ask(model, question, state_noise))
        on_batch(len(question[0].label))
    return {
        name: {moment: join(p[moment] for p in parts) for moment in parts[0]}
        for name, parts in answers.items()
    }


def interval(right: np.ndarray, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the share that is right, over sequences; one event a sequence."""
    share = right.mean()
    # Resampling n yes-or-no answers with replacement is drawing from a binomial.
    draws = np.random.default_rng(seed).binomial(len(right), share, resamples) / len(right)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def best_constant(answers: Answers, grid: int = 33) -> Answers:
    """The one class and place that, said of every event of a cell, would have been right most
    often: chosen in hindsight, so nothing that says the same of everything does better.

    Places are tried on a grid, and at the two centres of every circle through two true places: a
    circle that holds the most of them can be moved until two lie on its edge.
    """
    best: tuple[int, int, np.ndarray] = (-1, 0, np.zeros(2))
    ticks = np.linspace(0, 1, grid)
    lattice = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    for label in np.unique(answers.label):
        true = answers.place[answers.label == label].astype(np.float64)
        for places in (lattice, *_circles_through_two(true, NEAR * (1 - 1e-6))):
            near = np.linalg.norm(true[None] - places[:, None], axis=-1) <= NEAR
            hits = near.sum(1)
            if len(hits) and hits.max() > best[0]:
                best = int(hits.max()), int(label), places[hits.argmax()]
    events = len(answers.label)
    return Answers(
        np.full(events, best[1]),
        np.broadcast_to(best[2], (events, 2)),
        answers.label,
        answers.place,
    )


def _circles_through_two(points: np.ndarray, radius: float) -> Iterator[np.ndarray]:
    """For each point, the centres of the circles through it and another, not beyond reach."""
    for index, point in enumerate(points):
        across = points[index + 1 :] - point
        apart = np.linalg.norm(across, axis=-1, keepdims=True)
        reach = (apart[:, 0] > 0) & (apart[:, 0] < 2 * radius)
        across, apart = across[reach], apart[reach]
        aside = np.stack([-across[:, 1], across[:, 0]], -1) / apart
        aside *= np.sqrt(radius**2 - (apart / 2) ** 2)
        middle = point + across / 2
        yield np.concatenate([middle + aside, middle - aside])


def row(answers: Answers, sensor_px: int, seed: int = 0) -> dict[str, Any]:
    """The figures of one judgement."""
    low, high = interval(answers.right, seed)
    return {
        "score": float(answers.right.mean()),
        "low": low,
        "high": high,
        "class_score": float(answers.class_right.mean()),
        "place_error_px": float(np.median(answers.place_error) * sensor_px),
        "events": len(answers.label),
    }


LATCH_THRESHOLDS = np.linspace(-40, 12, 105)
"""Logits of "unseen" that are tried for a latch: a memoryless model is as sure as -38 that it sees,
and the surer the frame, the better an answer to hold."""


@torch.no_grad()
def tune_latch(
    model: nn.Module, exam: Exam, hidden: int = 60, events: int = 200
) -> tuple[float, float]:
    """The unseen threshold at which a latch on this memoryless model is right most often.

    Returns:
        The threshold, a logit, and the belief that it reached on the exam. Of thresholds that are
        equally good, the one in their middle.
    """
    from neurosvt.models.baselines import hold

    right = []
    for tier, length in cells(exam.tiers, [hidden]):
        for scenes, _ in exam.questions(tier, length, events):
            said, state = [], None
            for frames in torch.from_numpy(scenes.frames[: scenes.last_hidden + 1]).split(CHUNK):
                belief, state = model(frames, state)
                said.append(belief)
            whole = type(said[0])(*(torch.cat(part) for part in zip(*said, strict=True)))
            right.append(
                [
                    answers_of(hold(whole, threshold), -1, scenes, scenes.last_hidden).right
                    for threshold in LATCH_THRESHOLDS.tolist()
                ]
            )
    scores = np.concatenate(right, axis=1).mean(1)
    best = np.flatnonzero(scores == scores.max())
    return float(LATCH_THRESHOLDS[best[len(best) // 2]]), float(scores.max())


def validation_score(
    model: nn.Module,
    exam: Exam,
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
    for tier, length in cells(exam.tiers, hidden):
        found = judge({"": model}, exam, tier, length, events, state_noise=state_noise)[""]
        right["visible"].append(found["visible"].right.mean())
        right.setdefault(f"belief_{length}", []).append(found["belief"].right.mean())
    means = {name: float(np.mean(shares)) for name, shares in right.items()}
    belief = float(np.mean([means[f"belief_{length}"] for length in hidden]))
    return {**means, "belief": belief, "score": (means["visible"] + belief) / 2}


def cells(tiers: Iterable[str], hidden: Iterable[int]) -> Iterator[tuple[str, int]]:
    """Every tier with every number of hidden frames."""
    lengths = list(hidden)
    return ((tier, length) for tier in tiers for length in lengths)
