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

AFTER = SHUTTER_OPENING + RECOVERY
"""Frames after a hidden span, in which its object comes back and is judged once more."""


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
    return possible_starts(tracks, track_scene_frames(task.seen, hidden, AFTER))


def spread_starts(
    task: Exam, tracks: Sequence[Track], hidden: int, events: int
) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
    """Seeds of batches, and their starts, spread evenly over the tracks."""
    possible = starts_of(task, tracks, hidden)
    spread = np.linspace(0, len(possible) - 1, events).astype(int)
    starts = [possible[at] for at in spread.tolist()]
    for index, start in enumerate(range(0, events, task.batch)):
        yield split_seed(task.split, task.seed, index), starts[start : start + task.batch]


def cut_in(
    task: Exam, tracks: Sequence[Track], hidden: int, events: int, hides: str = "curtain"
) -> Iterator[Scenes]:
    """Batches of stretches, hidden by one of `CUT_IN`."""
    for seed, starts in spread_starts(task, tracks, hidden, events):
        yield make_scenes_tracks(
            tracks, seed, len(starts), seen=task.seen, hidden=hidden, after=AFTER, starts=starts,
            hides=hides, config=task.scene,
        )  # fmt: skip
