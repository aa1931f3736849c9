"""What exams on recordings share whose objects are hidden by what is cut in."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np

from neurosvt.datasets.tracks import Track
from neurosvt.scenes.occluded_tracks import (
    SHUTTER_OPENING,
    make_scenes_tracks,
    possible_starts,
    track_scene_frames,
)
from neurosvt.scenes.scenes import RECOVERY, SceneConfig, Scenes, split_seed

_AFTER = SHUTTER_OPENING + RECOVERY


@runtime_checkable
class Exam(Protocol):
    """What a task says of its sequences."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def split(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def seen(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def scene(self) -> SceneConfig: ...


T = TypeVar("T", bound=Exam)


def as_long_in_view(task: T, frame_us: int) -> T:
    """An exam in frames of another length, of which as many show the object as last as long."""
    seen = max(1, round(task.seen * task.scene.frame_us / frame_us))
    return replace(task, seen=seen, scene=replace(task.scene, frame_us=frame_us))


def starts_of(task: Exam, tracks: Sequence[Track], hidden: int) -> list[tuple[int, int]]:
    """Every track and frame of it from which on a whole sequence fits."""
    return possible_starts(tracks, track_scene_frames(task.seen, hidden, _AFTER))


def cut_in(
    task: Exam, tracks: Sequence[Track], hidden: int, events: int, hides: str = "curtain"
) -> Iterator[Scenes]:
    """Batches of stretches, spread evenly over the tracks, hidden by one of `CUT_IN`."""
    possible = starts_of(task, tracks, hidden)
    spread = np.linspace(0, len(possible) - 1, events).astype(int)
    starts = [possible[at] for at in spread.tolist()]
    for index, start in enumerate(range(0, events, task.batch)):
        chosen = starts[start : start + task.batch]
        yield make_scenes_tracks(
            tracks, split_seed(task.split, task.seed, index), len(chosen), seen=task.seen,
            hidden=hidden, after=_AFTER, starts=chosen, hides=hides, config=task.scene,
        )  # fmt: skip
