"""One camera's stream through a model: what it has left behind, and the next step.

Axes: N tokens, D width, L layers, C classes, Y X pixels.
"""

import threading
from abc import ABC, abstractmethod
from ctypes import addressof
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from neurosvt.energy.operations import Operations
from neurosvt.engine.beliefs import LiveBelief, answer_size
from neurosvt.engine.core import Core
from neurosvt.engine.counts import CountedModel, operations_of, total_of
from neurosvt.engine.layout import COLUMNS, CSession
from neurosvt.engine.plan import Plan
from neurosvt.events.recording import EVENT
from neurosvt.models.neurosvt_state import State
from neurosvt.sides import Sides

RECORDS, FRAME = range(2)
"""Kinds of events, as in native/engine/model.hpp."""


class Session(ABC):
    """What one camera has left behind, and the way to the next step.

    Made by `Engine.session`. May be pushed from any thread; pushes of one session take turns.
    """

    engine: Core

    @abstractmethod
    def push(self, seen: Any = None, *, asked: bool = True) -> LiveBelief | None:
        """Let one time step pass.

        Args:
            seen: events (n,) of dtype `EVENT` that fell within it, on a sensor of `engine.sensor`
                pixels, in any order; or a frame (2, Y, X), an array or a tensor, not 0 where one
                fell; None if there were none.
            asked: whether a belief is wanted; without, the heads are not computed.

        Returns:
            The belief after the step; None if it was not asked for.

        Raises:
            ValueError: something else, or an event that lies off the sensor; nothing has happened.
        """

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many have passed."""

    @abstractmethod
    def state(self) -> State:
        """A copy of what the steps have left behind, as a NeuroSVT has it for one sample."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Go on from a state of this session, of another, or of the model.

        Raises:
            ValueError: it is of another model, or of several samples.
        """

    @property
    @abstractmethod
    def layers(self) -> dict[str, Operations]:
        """What all steps did, layer by layer."""

    @property
    def operations(self) -> Operations:
        """What all steps did."""
        return Operations.summed(self.layers.values())


class NativeSession(Session):
    """A session of the C++."""

    def __init__(self, engine: Core, plan: Plan, account: CountedModel, noise: float, seed: int):
        c = plan.c
        self.engine, self.plan, self.account = engine, plan, account
        self._push = engine.doors.engine_push  # type: ignore[union-attr]
        self.lock = threading.Lock()
        self._membranes = torch.zeros(c.tokens, c.stride)
        self._patches = torch.zeros(c.patches, dtype=torch.long)
        self._tokens = torch.zeros(c.tokens, dtype=torch.long)
        self._charge = torch.zeros(account.numbers + 8)  # vectors may look beyond the last
        self._answer = np.zeros(answer_size(account.classes), np.float32)
        self._counts = np.zeros((c.layers, COLUMNS), np.int64)
        self.c = CSession(
            plan.address, self._membranes.data_ptr(), self._patches.data_ptr(),
            self._tokens.data_ptr(), self._charge.data_ptr(), 0, self._answer.ctypes.data,
            self._counts.ctypes.data, None, noise, seed & 0xFFFFFFFF, 0,
        )  # fmt: skip
        self.address = addressof(self.c)

    def push(self, seen: Any = None, *, asked: bool = True) -> LiveBelief | None:
        if seen is None:
            at, count, kind = None, 0, RECORDS
        elif is_events(seen):
            seen = seen if seen.flags.c_contiguous else np.ascontiguousarray(seen)
            count, kind = len(seen), RECORDS
            at = seen.ctypes.data if count else None
        else:
            seen = frame_of(seen, self.engine.sensor)
            at, count, kind = seen.ctypes.data, 1, FRAME
        with self.lock:
            if not asked:
                if self._push(self.address, at, count, kind, 0):
                    raise off_sensor(self.engine.sensor)
                return None
            before = self._counts.copy()
            if self._push(self.address, at, count, kind, 1):
                raise off_sensor(self.engine.sensor)
            return self.belief_since(before)

    def counts(self) -> np.ndarray:
        """(L, 5) what has been counted so far."""
        return self._counts.copy()

    def belief_since(self, before: np.ndarray) -> LiveBelief:
        """What the last step answered, at the cost of all since these counts."""
        done, account = self._counts - before, self.account
        return LiveBelief(
            self._answer.copy(), account.classes, partial(operations_of, done, account),
            partial(total_of, done, account),
        )  # fmt: skip

    @property
    def steps(self) -> int:
        return int(self.c.clock)

    @property
    def layers(self) -> dict[str, Operations]:
        return operations_of(self._counts.copy(), self.account)

    def state(self) -> State:
        with self.lock:
            return self._state()

    def _state(self) -> State:
        cfg, plan, clock = self.account.config, self.plan, self.c.clock
        parts = [
            self._narrow(part, width)
            for part, width in zip(
                self._membranes.split(plan.widths, -1), self._own_widths(), strict=True
            )
        ]
        inside = parts[1:-1]
        leaky = self.account.numbers if self.account.leaky else 0
        return State(
            since_patch_event=(clock + 1 - self._patches)[None],
            since_token_event=(clock + 1 - self._tokens)[None],
            embed=parts[0][:, : cfg.patches].contiguous(),
            blocks=tuple(tuple(inside[i : i + 5]) for i in range(0, len(inside), 5)),
            read=parts[-1],
            memory=self._charge[:leaky].clone()[None],
        )

    def restore(self, state: State) -> None:
        self.engine.check(state)
        with self.lock:
            clock = self.c.clock
            self._patches.copy_(clock + 1 - state.since_patch_event[0])
            self._tokens.copy_(clock + 1 - state.since_token_event[0])
            self._membranes.zero_()
            parts = self._membranes.split(self.plan.widths, -1)
            given = [state.embed, *(v for block in state.blocks for v in block), state.read]
            for part, v, width in zip(parts, given, self._own_widths(), strict=True):
                self._fill(part[: v.shape[1]], v[0], width)
            if self.account.leaky:
                self._charge[: self.account.numbers] = state.memory[0]

    def _own_widths(self) -> list[int]:
        """Channels of each layer's membranes, without what fills their tiles."""
        cfg, hidden = self.account.config, int(self.plan.c.hidden)
        block = [cfg.width, 3 * cfg.width, cfg.width, cfg.width, hidden]
        return [cfg.width, *block * cfg.depth, cfg.width]

    def _narrow(self, part: Tensor, width: int) -> Tensor:
        """(1, N, width): queries, keys and values begin at a tile each."""
        if width == 3 * self.account.config.width and part.shape[-1] == 3 * self.plan.wide:
            thirds = part.unflatten(-1, (3, -1))[..., : width // 3]
            part = thirds.flatten(-2)
        return part[None, :, :width].clone()

    def _fill(self, part: Tensor, v: Tensor, width: int) -> None:
        if width == 3 * self.account.config.width and part.shape[-1] == 3 * self.plan.wide:
            part.unflatten(-1, (3, -1))[..., : width // 3] = v.unflatten(-1, (3, -1))
        else:
            part[:, :width] = v


def is_events(seen: object) -> TypeGuard[np.ndarray]:
    """Whether it is an array of events. The type is nearly always the very one, which is told at
    once; to compare two takes longer than a silent step."""
    if not isinstance(seen, np.ndarray) or seen.ndim != 1:
        return False
    return seen.dtype is EVENT or seen.dtype == EVENT


def frame_of(seen: object, sensor: Sides) -> np.ndarray:
    """(2, Y, X) bool, without gaps, of a frame.

    Raises:
        ValueError: neither events nor a frame of this size.
    """
    if isinstance(seen, Tensor):
        seen = seen.detach().cpu().numpy()
    shape = (2, sensor.height, sensor.width)
    if isinstance(seen, np.ndarray) and seen.shape == shape and seen.dtype.kind in "biuf":
        if seen.dtype.kind == "f" and not np.isin(seen, (0, 1)).all():
            raise ValueError("a frame must be binary: 1 where a pixel had an event")
        return np.ascontiguousarray(seen, bool)
    got = f"{seen.dtype} {seen.shape}" if isinstance(seen, np.ndarray) else type(seen).__name__
    raise ValueError(f"a step takes events (n,) of dtype EVENT, or a frame {shape}; got {got}")


def off_sensor(sensor: Sides) -> ValueError:
    """What is raised for an event that the model's sensor does not have."""
    return ValueError(f"an event lies off the sensor of {sensor} pixels (see events.fit_to_sensor)")
