"""What PermanenceBench asks: sequences of a split, which know when an answer counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from neurosvt.config import Registry
from neurosvt.datasets import mnist, nmnist, tracks
from neurosvt.datasets.folder import checked_split
from neurosvt.permanence.cut_in import as_long_in_view, cut_in, starts_of
from neurosvt.permanence.recording_task import RecordingTask
from neurosvt.scenes.occluded_nmnist import make_scenes_nmnist, make_succession_nmnist
from neurosvt.scenes.scenes import (
    RECOVERY,
    SHAPE_CLASSES,
    SceneConfig,
    Scenes,
    make_scenes,
    split_seed,
)
from neurosvt.scenes.succession import all_tiers, belief_tiers, make_succession
from neurosvt.scenes.tiers import TIERS

OBJECTS = 4
"""Objects of a succession, one after the other."""

MOST_HELD_BYTES = 2e9
"""Of the frames of a larger camera, which are held until they are brought to the model's sensor."""

UNFAMILIAR = 0.5
"""Share of the strangers that are of a family never trained on: every second of a batch."""


@dataclass(frozen=True)
class SceneTask:
    """Made-up scenes. All cells of a seed show the same objects, so cells compare like with like.

    Args:
        split: "validation" or "test"; splits never share a scene, and neither shares training's.
        seed: any non-negative integer.
        seen: frames in view before anything hides the object.
        batch: sequences made at a time; of a larger camera, as many as `MOST_HELD_BYTES` hold.
        name: "scenes" for those of eight shapes, "digits" for those of MNIST's digits.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.
    """

    split: str
    seed: int = 0
    seen: int = 24
    batch: int = 50
    scene: SceneConfig = field(default_factory=SceneConfig)
    name: str = "scenes"
    root: Path | None = None
    tiers: tuple[str, ...] = field(default_factory=belief_tiers)
    """Those that are asked about when nobody names any: all that judge class and place."""

    def __post_init__(self) -> None:
        checked_split(self.split)

    @property
    def known(self) -> tuple[str, ...]:
        """Tiers that there are, those included that were added since."""
        return all_tiers()

    @property
    def classes(self) -> tuple[str, ...]:
        """What an object may be."""
        return mnist.MNIST_CLASSES if self.name == "digits" else SHAPE_CLASSES

    def supports(self, tier: str, hidden: int) -> bool:
        """Whether there is such a cell: what moves while it is hidden does not move for ever."""
        _checked_tier(self, tier)
        longest = TIERS[tier].at(self.scene).longest if tier in TIERS else None
        return longest is None or hidden <= longest

    def at(self, frame_us: int) -> "SceneTask":
        """The same in frames of another length."""
        return as_long_in_view(self, frame_us)

    def _as_many_as_fit(self, hidden: int) -> int:
        """Sequences of so many hidden frames."""
        frames = OBJECTS * (self.seen + hidden)
        fit = MOST_HELD_BYTES / (2 * max(self.scene.sensor) ** 2 * frames)
        return min(self.batch, max(1, int(fit)))

    def batches(
        self, tier: str, hidden: int, events: int, after: int = RECOVERY
    ) -> Iterator[Scenes]:
        """Batches of sequences with at least `events` occlusions of `hidden` frames.

        Raises:
            UserError: a tier that is unknown.
            ValueError: more hidden frames than the tier has.
        """
        _checked_tier(self, tier)
        objects = OBJECTS if tier == "succession" else 1
        sequences = -(-events // objects)
        shown = mnist.load_mnist(self.split, self.root) if self.name == "digits" else None
        at_once = self.batch if self.scene.shown is None else self._as_many_as_fit(hidden)
        for index, start in enumerate(range(0, sequences, at_once)):
            seed = split_seed(self.split, self.seed, index)
            batch = min(at_once, sequences - start)
            if tier == "succession":
                yield make_succession(
                    seed, batch, seen=self.seen, hidden=[hidden] * objects, after=after,
                    config=self.scene, digits=shown,
                )  # fmt: skip
            else:
                back = TIERS[tier].at(self.scene).returning(self.seen, hidden)
                yield make_scenes(
                    tier, seed, batch, seen=self.seen, hidden=hidden, after=after + back,
                    config=replace(self.scene, unfamiliar=UNFAMILIAR), digits=shown,
                )  # fmt: skip


@dataclass(frozen=True)
class NMNISTTask:
    """Real N-MNIST recordings, each at several random placements: alone (tier "real"), or four one
    after the other (tier "succession").

    Args:
        split: "validation" or "test".
        seed: of the placements and the sensor noise.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.
        batch: sequences made at a time.
    """

    split: str
    seed: int = 0
    root: Path | None = None
    batch: int = 50
    scene: SceneConfig = field(default_factory=SceneConfig)
    name: str = "nmnist"
    classes: tuple[str, ...] = nmnist.NMNIST_CLASSES
    tiers: tuple[str, ...] = ("real",)
    known: ClassVar[tuple[str, ...]] = ("real", "succession")

    def __post_init__(self) -> None:
        checked_split(self.split)

    def supports(self, tier: str, hidden: int) -> bool:
        """Darkness may last for any time."""
        _checked_tier(self, tier)
        return True

    def at(self, frame_us: int) -> "NMNISTTask":
        """The same in frames of another length."""
        return replace(self, scene=replace(self.scene, frame_us=frame_us))

    def batches(self, tier: str, hidden: int, events: int) -> Iterator[Scenes]:
        """As of `SceneTask`, of recordings."""
        _checked_tier(self, tier)
        recordings = nmnist.load_nmnist(self.split, self.root)
        objects = OBJECTS if tier == "succession" else 1
        # Every recording once, then every recording at a second placement, and so on; in a
        # succession each object goes through them in an order of its own.
        order = np.arange(-(-events // objects)) % len(recordings)
        mixed = [np.random.default_rng(i).permutation(len(recordings)) for i in range(objects)]
        for index, start in enumerate(range(0, len(order), self.batch)):
            chosen = order[start : start + self.batch]
            seed = split_seed(self.split, self.seed, index)
            if tier == "succession":
                yield make_succession_nmnist(
                    recordings, seed, len(chosen), hidden=[hidden] * objects, after=RECOVERY,
                    indices=np.stack([way[chosen] for way in mixed]), config=self.scene,
                )  # fmt: skip
            else:
                yield make_scenes_nmnist(
                    recordings, seed, len(chosen), hidden=hidden, after=RECOVERY, indices=chosen,
                    config=self.scene,
                )  # fmt: skip


@dataclass(frozen=True)
class TrackTask:
    """Real recordings of moving things, hidden by a shutter that is cut in; tier "real".

    The stretches are spread evenly over the recordings of the split; where more are asked for than
    fit beside one another they overlap.

    Args:
        split: "validation" or "test".
        seed: of the shutter and the sensor noise.
        name: a key of `TRACK_CLASSES`.
        seen: frames in view before the shutter comes.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.
        batch: sequences made at a time.
    """

    split: str
    seed: int = 0
    name: str = "dvs128_objects"
    seen: int = 24
    root: Path | None = None
    batch: int = 50
    scene: SceneConfig = field(default_factory=SceneConfig)
    tiers: tuple[str, ...] = ("real",)
    known: ClassVar[tuple[str, ...]] = ("real",)

    def __post_init__(self) -> None:
        checked_split(self.split)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the recordings show."""
        return tracks.TRACK_CLASSES[self.name]

    def supports(self, tier: str, hidden: int) -> bool:
        """Whether a recording of the split is long enough."""
        _checked_tier(self, tier)
        return bool(starts_of(self, self._tracks(), hidden))

    def at(self, frame_us: int) -> "TrackTask":
        """The same in frames of another length."""
        return as_long_in_view(self, frame_us)

    def batches(self, tier: str, hidden: int, events: int) -> Iterator[Scenes]:
        """As of `SceneTask`, of stretches of recordings."""
        _checked_tier(self, tier)
        yield from cut_in(self, self._tracks(), hidden, events)

    def _tracks(self) -> list[tracks.Track]:
        return _loaded(self.name, self.split, self.scene.size, self.scene.frame_us, self.root)


def _checked_tier(task: "Task", tier: str) -> None:
    Registry("tier", dict.fromkeys(task.known))[tier]


_loaded = lru_cache(maxsize=4)(tracks.load_tracks)

Task = SceneTask | NMNISTTask | TrackTask | RecordingTask
"""Anything with these fields, `supports` and `batches` will do."""


class MakesTask(Protocol):
    """A task of a data set, for a split, a seed, a camera, and the tiers that are learnt from."""

    def __call__(
        self, split: str, seed: int, scene: SceneConfig, tiers: tuple[str, ...]
    ) -> Task: ...


def _scene_task(
    split: str, seed: int, scene: SceneConfig, tiers: tuple[str, ...], name: str = "scenes"
) -> Task:
    return SceneTask(split, seed, scene=scene, name=name, tiers=tiers)


def _nmnist_task(split: str, seed: int, scene: SceneConfig, tiers: tuple[str, ...]) -> Task:
    return NMNISTTask(split, seed, scene=scene)


def _track_task(
    split: str,
    seed: int,
    scene: SceneConfig,
    tiers: tuple[str, ...],
    name: str = "dvs128_objects",
) -> Task:
    return TrackTask(split, seed, name, scene=scene)


TASKS: Registry[MakesTask] = Registry(
    "task for data set",
    {
        "scenes": _scene_task,
        "digits": partial(_scene_task, name="digits"),
        "nmnist": _nmnist_task,
        "hidden_objects": _track_task,
        "pendulum": partial(_track_task, name="pendulum"),
    },
)
"""What judges those who learn from a data set, by its name in `loaders.DATASETS`. Recordings have
tiers of their own; those of one's own are told by their folder, see `RecordingTask`."""
