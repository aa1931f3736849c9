"""What PermanenceBench asks: sequences of a split, and the moments at which an answer counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurosvt.data import nmnist
from neurosvt.data.nmnist_scenes import make_scenes_nmnist
from neurosvt.data.scenes import CLASSES, TIERS, SceneConfig, Scenes, make_scenes, split_seed

RECOVERY = 3
"""Recovery is judged at the third frame after the object reappears."""

Question = tuple[Scenes, int]
"""A batch of sequences and the index of the last frame in which the object is seen."""


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
    tiers: tuple[str, ...] = tuple(TIERS)

    def questions(self, tier: str, hidden: int, events: int) -> Iterator[Question]:
        for index, start in enumerate(range(0, events, self.batch)):
            scenes = make_scenes(
                tier,
                split_seed(self.split, self.seed, index),
                min(self.batch, events - start),
                seen=self.seen,
                hidden=hidden,
                after=RECOVERY,
                config=self.scene,
            )
            yield scenes, self.seen - 1


@dataclass(frozen=True)
class NMNISTExam:
    """Real N-MNIST recordings, each at several random placements; tier "real".

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

    def questions(self, tier: str, hidden: int, events: int) -> Iterator[Question]:
        recordings = nmnist.load(self.split, self.root)
        # Every recording once, then every recording at a second placement, and so on.
        order = np.arange(events) % len(recordings)
        for index, start in enumerate(range(0, events, self.batch)):
            chosen = order[start : start + self.batch]
            scenes = make_scenes_nmnist(
                recordings,
                split_seed(self.split, self.seed, index),
                len(chosen),
                hidden=hidden,
                after=RECOVERY,
                indices=chosen,
                config=self.scene,
            )
            yield scenes, nmnist.LAST_SEEN_US // self.scene.frame_us - 1


Exam = SceneExam | NMNISTExam
"""Anything with these fields and `questions(tier, hidden, events)` will do."""
