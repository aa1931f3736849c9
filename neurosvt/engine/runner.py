"""Who answers for a model that is judged or counted: the engine where it can, else the model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.energy.phases import PhaseCounts, count_phases, phases_of, told
from neurosvt.engine.counts import operations_of
from neurosvt.engine.engine import Engine
from neurosvt.engine.fixed import FIXED, FixedEngine
from neurosvt.engine.many import play_on
from neurosvt.engine.session import NativeSession
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.heads import Belief
from neurosvt.nn.weights import device_of
from neurosvt.scenes.scenes import Scenes

KNOWN_OPTIONS = {"state_noise", "state_bits", "frame_ms"}
"""With which a model is called and the engine can be asked, `state_bits` being 32."""


def engine_of(model: nn.Module, frame_ms: float | None = None) -> Engine | None:
    """The engine of a model as it is now, with weights as they are; None if there is none."""
    if type(model) is not NeuroSVT or device_of(model).type != "cpu":
        return None
    try:
        return Engine(model, weights="float32", frame_ms=frame_ms, backend="native")
    except UserError:
        return None


def runner_of(model: nn.Module, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What is called as `belief, state = runner(frames, state, **rest)` for a model that is called
    with some options, and the rest of these."""
    rest = dict(options)
    if rest.get("state_bits", 32) == 32 and rest.keys() <= KNOWN_OPTIONS:
        engine = engine_of(model, rest.get("frame_ms"))
        if engine is not None:
            return engine, {"state_noise": rest.get("state_noise", 0.0)}
    return model, rest


class InEngine(nn.Module):
    """A model as an engine with weights of its own answers for it, to be judged as any model.

    Args:
        model: is copied, as it is now.
        weights: as of `Engine`, or a key of `FIXED`: all in whole numbers.

    Raises:
        UserError: as of `Engine` and `FixedEngine`.
    """

    def __init__(self, model: NeuroSVT, weights: str):
        super().__init__()
        self.model, self.weights = model, weights
        self._engines: dict[float | None, Engine | FixedEngine] = {None: self._made(None)}

    def forward(
        self,
        frames: Any,
        state: Any = None,
        *,
        state_noise: float = 0.0,
        frame_ms: float | None = None,
    ) -> tuple[Belief, Any]:
        """As `Engine.__call__`, for frames of any length."""
        if frame_ms not in self._engines:
            self._engines[frame_ms] = self._made(frame_ms)
        return self._engines[frame_ms](frames, state, state_noise=state_noise)

    def _made(self, frame_ms: float | None) -> Engine | FixedEngine:
        if self.weights in FIXED:
            return FixedEngine(self.model, FIXED[self.weights], frame_ms=frame_ms)
        return Engine(self.model, weights=self.weights, frame_ms=frame_ms)

    def extra_repr(self) -> str:
        return self.weights


def phase_counts(model: nn.Module, scenes: Scenes) -> dict[str, PhaseCounts]:
    """As `energy.count_phases`, by the engine where it can run the model: the same counts, much
    sooner."""
    engine = engine_of(model)
    if engine is None:
        return count_phases(model, scenes)
    sessions = [
        NativeSession(engine, engine.plan, engine.account, 0.0, 0)
        for _ in range(scenes.label.shape[1])
    ]
    found = {}
    for phase, frames in phases_of(scenes).items():
        before = np.sum([one.counts() for one in sessions], 0)
        play_on(engine, sessions, torch.from_numpy(frames))
        layers = operations_of(
            np.sum([one.counts() for one in sessions], 0) - before, engine.account
        )
        found[phase] = PhaseCounts(layers, frames.shape[0] * frames.shape[1])
    return told(found)
