"""Episodes: what models saw, frame by frame, and what they believed and did meanwhile.

Axes: T frames, H W pixels.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from neurosvt.demo.page import BeliefTrack, Episode
from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.engine import Engine
from neurosvt.engine.runner import engine_of
from neurosvt.nn.heads import Belief
from neurosvt.nn.weights import device_of
from neurosvt.permanence.baselines.latch import Latch, hold
from neurosvt.permanence.score_table import row_title
from neurosvt.permanence.tasks import Task
from neurosvt.presence import Presence
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import Scenes


def scene_episode(title: str, scenes: Scenes, entrants: Sequence[Entrant], task: Task) -> Episode:
    """The first sequence of some scenes of a task, as every model sees it."""
    frames = scenes.frames[:, 0]
    return Episode(
        title=title,
        frames=frames,
        frame_ms=task.scene.frame_us / 1000,
        position=scenes.position[:, 0],
        hidden=scenes.hidden[:, 0],
        label=scenes.label[:, 0],
        classes=task.classes,
        occluder=scenes.occluder[:, 0],
        beliefs=watch_all(entrants, frames),
    )


def dark_episode(
    title: str,
    frames: np.ndarray,
    dark_frames: int,
    entrants: Sequence[Entrant],
    *,
    frame_ms: float,
    classes: tuple[str, ...],
    label: int | None = None,
) -> Episode:
    """Frames (T, 2, H, W) of a recording, then darkness: there is no true position.

    Args:
        title: of its tab.
        frames: bool, OFF then ON.
        dark_frames: how many without an event come after them.
        entrants: who watches.
        frame_ms: length of a frame, milliseconds.
        classes: that the models know.
        label: of the recording; one that is none of `classes` is not shown.
    """
    whole = np.concatenate([frames, np.zeros((dark_frames, *frames.shape[1:]), bool)])
    hidden = np.arange(len(whole)) >= len(frames)
    light = np.zeros((len(whole), 7), np.float32)
    light[:, 2] = ~hidden
    known = label is not None and 0 <= label < len(classes)
    return Episode(
        title=title,
        frames=whole,
        frame_ms=frame_ms,
        position=None,
        hidden=hidden,
        label=np.full(len(whole), label) if known else None,
        classes=classes,
        occluder=light,
        beliefs=watch_all(entrants, whole),
    )


def watch_all(entrants: Sequence[Entrant], frames: np.ndarray) -> tuple[BeliefTrack, ...]:
    """What every model believed of the same frames, under its title in the score table."""
    return tuple(watch(row_title(one.name, one.tau), one.model, frames) for one in entrants)


@torch.no_grad()
def watch(name: str, model: nn.Module, frames: np.ndarray) -> BeliefTrack:
    """Show frames (T, 2, H, W) to a model one by one; what it believed and did at each. Of a latch,
    what its network did: it holds answers, and computes nothing else."""
    network = model.model if isinstance(model, Latch) else model
    engine = engine_of(network)
    seen = _watch_model(network, frames) if engine is None else _watch_engine(engine, frames)
    beliefs, work = zip(*seen, strict=True)
    belief = Belief(*(torch.stack(part)[:, None] for part in zip(*beliefs, strict=True)))
    if isinstance(model, Latch):
        belief = hold(belief, model.threshold)
    scores, position, presence = (part[:, 0] for part in belief)
    hidden = presence.softmax(-1)[:, Presence.HIDDEN]
    return BeliefTrack(
        name, scores.softmax(-1).numpy(), position.numpy(), hidden.numpy(),
        presence.argmax(-1).numpy(), np.array([done.spikes for done in work]),
        np.array([done.acs for done in work]),
    )  # fmt: skip


def _watch_engine(engine: Engine, frames: np.ndarray) -> Iterator[tuple[Belief, Operations]]:
    session = engine.session()
    for frame in frames:
        found = session.push(frame)
        assert found is not None
        scores, _, position, presence = torch.from_numpy(found.answer).split(
            [engine.classes, engine.classes, 2, len(Presence)]
        )
        yield Belief(scores, position, presence), found.operations


@torch.no_grad()
def _watch_model(model: nn.Module, frames: np.ndarray) -> Iterator[tuple[Belief, Operations]]:
    state = None
    meter = Meter(model, batch_axes=2)
    for frame in torch.from_numpy(frames)[:, None, None].to(device_of(model)):
        with meter:
            belief, state = model(frame, state)
        yield Belief(*(part[0, 0].cpu() for part in belief)), meter.take()
