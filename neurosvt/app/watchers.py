"""Who watches: the model, and beside it what forgets, what holds its answer, and a dense GRU.

Each is pushed one frame after another, and says what it believes and what that cost.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.engine import Engine
from neurosvt.engine.runner import engine_of
from neurosvt.experiments.checkpoints import Checkpoint, finished, load
from neurosvt.experiments.family import sibling
from neurosvt.nn.heads import Belief
from neurosvt.permanence.baselines.latch import Latch, hold
from neurosvt.presence import PRESENCE_NAMES, Presence

DENSE_RIVAL = "permanence_base_gru"
"""A GRU of like size, after 1,200 steps of training."""
KEPT = 4
"""Models that stay in memory, for all visitors together."""


@dataclass(frozen=True)
class Seen:
    """What one of them says of a frame."""

    probabilities: np.ndarray
    """(C,)"""
    position: tuple[float, float]
    presence: np.ndarray
    """(P,) probabilities, as `Presence` counts."""
    synops: int | None
    """Synaptic operations of the step; None of a dense network."""
    microseconds: float

    def row(self) -> dict[str, Any]:
        """For the page."""
        kind = Presence(int(self.presence.argmax()))
        return {
            "probabilities": [round(float(p), 4) for p in self.probabilities],
            "position": [round(x, 4) for x in self.position],
            "presence": PRESENCE_NAMES[kind],
            "unseen": round(float(self.presence[Presence.HIDDEN]), 4),
            "synops": self.synops,
            "us": round(self.microseconds, 1),
        }


class Watcher(ABC):
    """Somebody who watches.

    Args:
        title: what the page calls it.
        about: what it is, in a line.
    """

    def __init__(self, title: str, about: str):
        self.title, self.about = title, about

    @abstractmethod
    def push(self, frame: np.ndarray) -> Seen:
        """Look at a frame (2, H, W)."""


class EngineWatcher(Watcher):
    """A NeuroSVT in the engine."""

    def __init__(self, title: str, about: str, engine: Engine):
        super().__init__(title, about)
        self.session = engine.session()

    def push(self, frame: np.ndarray) -> Seen:
        """Look at a frame (2, H, W)."""
        start = time.perf_counter()
        found = self.session.push(frame)
        took = 1e6 * (time.perf_counter() - start)
        assert found is not None
        return Seen(
            found.probabilities, found.position, found.presence_probabilities,
            found.operations.acs, took,
        )  # fmt: skip


class LatchWatcher(Watcher):
    """The latch: it says what its network said when that last judged the object seen."""

    def __init__(self, title: str, about: str, engine: Engine, threshold: float):
        super().__init__(title, about)
        self.session, self.threshold = engine.session(), threshold
        self.held: Belief | None = None

    def push(self, frame: np.ndarray) -> Seen:
        """Look at a frame (2, H, W)."""
        start = time.perf_counter()
        found = self.session.push(frame)
        assert found is not None
        scores, position = torch.from_numpy(found.class_logits.copy()), torch.tensor(found.position)
        presence = torch.from_numpy(found.answer[2 * found.classes + 2 :].copy())
        now = hold(
            Belief(scores[None, None], position[None, None], presence[None, None]),
            self.threshold, self.held,
        )  # fmt: skip
        self.held = Belief(*(part[-1] for part in now))
        took = 1e6 * (time.perf_counter() - start)
        return _of_belief(now, found.operations.acs, took)


class TorchWatcher(Watcher):
    """A model that PyTorch runs, a frame at a time."""

    def __init__(self, title: str, about: str, model: nn.Module):
        super().__init__(title, about)
        self.model = model
        self.state: Any = None

    @torch.no_grad()
    def push(self, frame: np.ndarray) -> Seen:
        """Look at a frame (2, H, W)."""
        start = time.perf_counter()
        belief, self.state = self.model(torch.from_numpy(frame)[None, None], self.state)
        return _of_belief(belief, None, 1e6 * (time.perf_counter() - start))


def _of_belief(belief: Belief, synops: int | None, took: float) -> Seen:
    scores, position, presence = (part[-1, 0].float() for part in belief)
    x, y = position.tolist()
    return Seen(scores.softmax(-1).numpy(), (x, y), presence.softmax(-1).numpy(), synops, took)


@dataclass(frozen=True)
class Cast:
    """A model, and who stands beside it; read once for all visitors."""

    name: str
    trained: Checkpoint
    engine: Engine
    forgets: Checkpoint | None
    """Its sibling without memory."""
    dense: Checkpoint | None

    def watchers(self) -> Sequence[Watcher]:
        """All of them, who have seen nothing yet."""
        steps = f"{self.trained.steps:,} steps of training"
        found: list[Watcher] = [
            EngineWatcher(Path(self.name).name, f"this model; {steps}", self.engine)
        ]
        if self.forgets is not None:
            engine, steps = engine_of(self.forgets.model), f"{self.forgets.steps:,} steps"
            assert engine is not None
            about = f"the network without memory; {steps}"
            found.append(EngineWatcher("no memory", about, engine))
            latch = self.forgets.latch()
            assert isinstance(latch, Latch)
            about = f"the same, holding its last answer while it sees nothing; {steps}"
            found.append(LatchWatcher("latch", about, engine, latch.threshold))
        if self.dense is not None:
            about = f"a dense recurrent network of like size; {self.dense.steps:,} steps"
            found.append(TorchWatcher("GRU", about, self.dense.model))
        return found


@lru_cache(maxsize=KEPT)
def cast_of(name: str) -> Cast:
    """A model by its run folder or name, and those of its family that are there.

    Raises:
        UserError, FileNotFoundError: as of `load`; a model that hides nothing, or runs in no
            engine here.
    """
    trained = load(name)
    if not trained.run.hides:
        raise UserError(f"{name} names what is seen; here is what follows objects that hide")
    engine = engine_of(trained.model) or Engine(trained.model)
    own_scenes = trained.run.data.dataset == "scenes"
    without = sibling(name, "none")
    forgets = load(without) if own_scenes and finished(without) else None
    if forgets is not None and engine_of(forgets.model) is None:
        forgets = None
    same = own_scenes and trained.run.model.image_size == 64
    dense = load(DENSE_RIVAL) if same and finished(DENSE_RIVAL) else None
    return Cast(name, trained, engine, forgets, dense)
