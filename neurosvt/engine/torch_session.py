"""The same session on PyTorch: for machines without the C++, and for parts of one's own.

Slower by orders of magnitude, with the same answers.
"""

import threading
from collections import defaultdict
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.engine.beliefs import LiveBelief, answer_of
from neurosvt.engine.core import Core
from neurosvt.engine.session import Session, frame_of, is_events, off_sensor
from neurosvt.models.neurosvt_state import State
from neurosvt.nn.weights import device_of


class TorchSession(Session):
    """A session of the model itself."""

    def __init__(self, engine: Core, noise: float, seed: int):
        self.engine, self.noise = engine, noise
        self._random, self._device = _Random(device_of(engine.model), seed), device_of(engine.model)
        self._lock = threading.Lock()
        self._state, self._steps = engine.model.start(1), 0
        self._layers: defaultdict[str, Operations] = defaultdict(Operations)

    def push(self, seen: Any = None, *, asked: bool = True) -> LiveBelief | None:
        engine, frame = self.engine, self.shown(seen)
        with self._lock, torch.no_grad(), self._random:
            meter = Meter(engine.model, batch_axes=2)
            with meter:
                belief, self._state = engine.model(
                    frame, self._state, state_noise=self.noise, frame_ms=engine.frame_ms,
                    asked=torch.full((1, 1), asked, device=self._device),
                )  # fmt: skip
            self._steps += 1
            layers = {name: done for name, done in meter.layers.items() if done}
            for name, done in layers.items():
                self._layers[name] += done
        if not asked:
            return None
        answer = answer_of(*(part[0, 0].cpu().numpy() for part in belief))
        total = partial(Operations.summed, layers.values())
        return LiveBelief(answer, engine.classes, lambda: layers, total)

    def shown(self, seen: Any) -> Tensor:
        """(1, 1, 2, Y, X) bool."""
        sensor = self.engine.sensor
        frame = np.zeros((2, sensor.height, sensor.width), bool)
        if is_events(seen):
            reach = seen["x"].max(initial=0), seen["y"].max(initial=0)
            if reach[0] >= sensor.width or reach[1] >= sensor.height:
                raise off_sensor(sensor)
            frame[seen["p"].astype(np.int64), seen["y"], seen["x"]] = True
        elif seen is not None:
            frame = frame_of(seen, sensor)
        return torch.from_numpy(frame)[None, None].to(self._device)

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def layers(self) -> dict[str, Operations]:
        return {name: Operations.summed([done]) for name, done in self._layers.items()}

    def state(self) -> State:
        return self._state.map(torch.clone)

    def restore(self, state: State) -> None:
        self.engine.check(state)
        self._state = state.map(torch.clone)


class _Random:
    """Random numbers of a session's own: two sessions do not disturb each other."""

    def __init__(self, device: torch.device, seed: int):
        self.device = device
        self.state = torch.Generator(device).manual_seed(seed).get_state()

    def __enter__(self) -> None:
        self.before = self._now()
        self._set(self.state)

    def __exit__(self, *exception: object) -> None:
        self.state = self._now()
        self._set(self.before)

    def _now(self) -> Tensor:
        gpu = self.device.type == "cuda"
        return torch.cuda.get_rng_state(self.device) if gpu else torch.get_rng_state()

    def _set(self, state: Tensor) -> None:
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state, self.device)
        else:
            torch.set_rng_state(state)
