"""What PermanenceBench asks: sequences of a split, which know when an answer counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurosvt.data import nmnist
from neurosvt.data.nmnist_scenes import make_scenes_nmnist, make_succession_nmnist
from neurosvt.data.scenes import (
    CLASSES,
    RECOVERY,
    TIERS,
    SceneConfig,
    Scenes,
    make_scenes,
    split_seed,
)
from neurosvt.data.succession import ALL_TIERS, make_succession

OBJECTS = 4
"""Objects of a succession, one after the other."""


@dataclass(frozen=True)
class SceneExam:
    """Made-up scenes. All cells of a seed show the same objects, so cells compare like with like.

    Args:
        split: "validation" or "test"; splits never share a scene, and neither shares training's.
        seed: any non-negative integer.
        seen: frames in view before anything hides the object.
        batch: sequences made at a time.
    """

    split: str
    seed: int = 0
    seen: int = 24
    batch: int = 50
    scene: SceneConfig = field(default_factory=SceneConfig)
    name: str = "scenes"
    classes: tuple[str, ...] = CLASSES
    tiers: tuple[str, ...] = ALL_TIERS
    known: ClassVar[tuple[str, ...]] = ALL_TIERS
    """Tiers that there are; those in `tiers` are asked about when nobody names any."""

    def asks(self, tier: str, hidden: int) -> bool:
        """Whether there is such a cell: what moves while it is hidden does not move for ever."""
        longest = TIERS[tier].longest if tier in TIERS else None
        return longest is None or hidden <= longest

    def at(self, frame_us: int) -> "SceneExam":
        """The same in frames of another length: the object is in view for as long as before."""
        seen = max(1, round(self.seen * self.scene.frame_us / frame_us))
        return replace(self, seen=seen, scene=replace(self.scene, frame_us=frame_us))

    def questions(self, tier: str, hidden: int, events: int) -> Iterator[Scenes]:
        objects = OBJECTS if tier == "succession" else 1
        sequences = -(-events // objects)
        for index, start in enumerate(range(0, sequences, self.batch)):
            seed = split_seed(self.split, self.seed, index)
            batch = min(self.batch, sequences - start)
            if tier == "succession":
                yield make_succession(
                    seed, batch, seen=self.seen, hidden=[hidden] * objects, after=RECOVERY,
                    config=self.scene,
                )  # fmt: skip
            else:
                after = RECOVERY + TIERS[tier].returning(self.seen, hidden)
                yield make_scenes(
                    tier, seed, batch, seen=self.seen, hidden=hidden, after=after,
                    config=self.scene,
                )  # fmt: skip


@dataclass(frozen=True)
class NMNISTExam:
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
    classes: tuple[str, ...] = nmnist.CLASSES
    tiers: tuple[str, ...] = ("real",)
    known: ClassVar[tuple[str, ...]] = ("real", "succession")

    def asks(self, tier: str, hidden: int) -> bool:
        """Darkness may last for any time."""
        return True

    def at(self, frame_us: int) -> "NMNISTExam":
        """The same in frames of another length."""
        return replace(self, scene=replace(self.scene, frame_us=frame_us))

    def questions(self, tier: str, hidden: int, events: int) -> Iterator[Scenes]:
        recordings = nmnist.load(self.split, self.root)
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


Exam = SceneExam | NMNISTExam
"""Anything with these fields, `asks` and `questions` will do."""
