"""Many cameras at once, and whole films of frames.

Axes: T time steps, B cameras, Y X pixels, C classes, A numbers of an answer.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosvt.engine.beliefs import LiveBelief, answer_size
from neurosvt.engine.core import Core
from neurosvt.engine.session import NativeSession, Session, is_events, off_sensor
from neurosvt.events.recording import EVENT
from neurosvt.models.neurosvt_state import State
from neurosvt.nn.heads import Belief
from neurosvt.presence import Presence


def push_all(
    engine: Core,
    sessions: Sequence[Session],
    seen: Sequence[np.ndarray | None],
    asked: bool,
) -> list[LiveBelief | None]:
    """As `Engine.push_all`."""
    if len(sessions) != len(seen):
        raise ValueError(f"{len(sessions)} sessions, and events for {len(seen)}")
    if any(session.engine is not engine for session in sessions):
        raise ValueError("a session is of another engine")
    if len({id(session) for session in sessions}) != len(sessions):
        raise ValueError("a session comes twice, and would make two steps at once")
    native = [session for session in sessions if isinstance(session, NativeSession)]
    if len(native) < len(sessions):
        return [one.push(events, asked=asked) for one, events in zip(sessions, seen, strict=True)]
    return _push_native(engine, native, [_records(events) for events in seen], asked)


def _records(events: np.ndarray | None) -> np.ndarray:
    if events is None:
        return np.empty(0, EVENT)
    if not is_events(events):
        raise ValueError("push_all takes events (n,) of dtype EVENT, or None")
    return np.ascontiguousarray(events)


def _push_native(
    engine: Core, sessions: Sequence[NativeSession], events: Sequence[np.ndarray], asked: bool
) -> list[LiveBelief | None]:
    count = len(sessions)
    addresses = np.array([one.address for one in sessions], np.int64)
    where = np.array([one.ctypes.data for one in events], np.int64)
    sizes = np.array([len(one) for one in events], np.int64)
    ends = np.zeros(count, np.int64)
    with ExitStack() as held:
        # In one order, so that two calls with the same sessions cannot wait for each other.
        for one in sorted(sessions, key=id):
            held.enter_context(one.lock)
        before = [one.counts() for one in sessions] if asked else []
        engine.doors.engine_push_all(  # type: ignore[union-attr]
            addresses.ctypes.data, count, where.ctypes.data, sizes.ctypes.data, asked,
            ends.ctypes.data, torch.get_num_threads(),
        )  # fmt: skip
        if ends.any():
            raise off_sensor(engine.sensor)
        if not asked:
            return [None] * count
        return [one.belief_since(past) for one, past in zip(sessions, before, strict=True)]


def play(
    engine: Core,
    frames: Tensor,
    state: State | None,
    noise: float,
    asked: Tensor | None,
) -> tuple[Belief, State]:
    """As `Engine.__call__`, by the C++: every camera's frames in turn, cameras side by side."""
    steps, batch = frames.shape[:2]
    model = engine.model
    if asked is not None and asked.shape != (steps, batch):
        raise ValueError(f"asked must be (T, B) {(steps, batch)}, got {tuple(asked.shape)}")
    if state is not None:
        like = model.membranes_like()
        model.state_shape().check(state, batch, like, model.memory.start(batch, like))
    seeds = torch.randint(2**31, (batch,)).tolist() if noise else [0] * batch
    sessions = [NativeSession(engine, engine.plan, engine.account, noise, seed) for seed in seeds]
    if state is not None:
        for i, session in enumerate(sessions):
            session.restore(sample(state, i))
    answers = play_on(engine, sessions, frames, asked)
    scores, _, position, presence = answers.split(
        [engine.classes, engine.classes, 2, len(Presence)], -1
    )
    belief = Belief(scores, position, presence)
    return belief, joined([one.state() for one in sessions]) if sessions else model.start(0)


def play_on(
    engine: Core,
    sessions: Sequence[NativeSession],
    frames: Tensor,
    asked: Tensor | None = None,
) -> Tensor:
    """(T, B, A) answers of sessions that are shown a frame (T, B, 2, Y, X) each, step by step."""
    steps, batch = frames.shape[:2]
    pixels = frames.bool().contiguous()
    wanted = None if asked is None else asked.bool().contiguous()
    answers = torch.zeros(steps, batch, answer_size(engine.classes))
    addresses = np.array([one.address for one in sessions], np.int64)
    engine.doors.engine_play(  # type: ignore[union-attr]
        addresses.ctypes.data, batch, pixels.data_ptr(), steps, 2 * engine.sensor.area,
        None if wanted is None else wanted.data_ptr(), answers.shape[-1], answers.data_ptr(),
        torch.get_num_threads(),
    )  # fmt: skip
    return answers


def sample(state: State, which: int) -> State:
    """The state of one sample of a batch."""
    return state.map(lambda x: x[which : which + 1])


def joined(states: Sequence[State]) -> State:
    """The states of single samples as one of a batch."""

    def together(*parts: Any) -> Any:
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        return tuple(together(*inner) for inner in zip(*parts, strict=True))

    return State(*together(*states))
