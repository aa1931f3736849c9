"""Training batches without end: one per step, made from the step's own seed.

Because batch i depends on nothing but (seed, i), training can stop after any step and go on from
there with the data that it would have had.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from neurosvt.datasets import nmnist
from neurosvt.datasets.mnist import load_mnist
from neurosvt.datasets.tracks import load_tracks
from neurosvt.events.augment import Augmentation
from neurosvt.scenes.occluded_nmnist import make_scenes_nmnist, make_succession_nmnist
from neurosvt.scenes.occluded_tracks import make_scenes_tracks
from neurosvt.scenes.scenes import TIERS, SceneConfig, Scenes, make_scenes, split_seed
from neurosvt.scenes.succession import ALL_TIERS, make_succession

OcclusionBatch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Frames (T, B, 2, H, W) bool, label (T, B), place (T, B, 2), hidden (T, B) and asked (T, B): False
before an object has moved, when there was nothing to see, and after a sequence's end."""


@dataclass(frozen=True)
class OcclusionConfig:
    """What sequences a model is trained on."""

    dataset: Literal["scenes", "digits", "nmnist", "hidden_objects", "pendulum"] = "scenes"
    """Made-up scenes, of eight shapes or of MNIST's digits; or real recordings: of N-MNIST, or of
    dvs128_objects, hand-held objects and a pendulum, with a shutter cut in."""
    tiers: tuple[str, ...] = ("blackout", "curtain")
    """What hides the object, in equal shares of every batch. Recordings have darkness alone; with
    "succession" among the tiers, one after the other."""
    seen: tuple[int, int] = (8, 20)
    """Fewest and most frames in view before something begins to hide the object; a recording is
    seen whole."""
    hidden: tuple[int, int] = (10, 600)
    """Fewest and most hidden frames, drawn log-uniformly: as many up to 77 as beyond."""
    busy: int = 120
    """Most hidden frames where something moves meanwhile, and of each object of a succession."""
    objects: int = 3
    """Objects of a succession."""
    after: int = 6
    """Frames in view after the object has come back, in every other batch; the rest end hidden."""
    noise_hz: float = 0.1
    """Sensor noise per pixel and second."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """How far recordings are varied, each time that they are shown; scenes are always new, and the
    pendulum hangs as it hangs."""
    moves: float = 0.0
    """How far hand-held objects are moved at random, at most, in sensor sides."""

    def __post_init__(self):
        if not self.tiers:
            raise ValueError(f"tiers must name at least one of {sorted(ALL_TIERS)}")
        for tier in self.tiers:
            if tier not in ALL_TIERS:
                raise ValueError(f"tier {tier!r} is unknown; choose from {sorted(ALL_TIERS)}")
        for name in ("seen", "hidden"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(f"{name} must rise from at least 1 frame, got {(low, high)}")
        if min(self.busy, self.objects) < 1:
            raise ValueError("busy and objects must be at least 1")
        if self.after < 0 or self.noise_hz < 0:
            raise ValueError("after and noise_hz must not be below 0")


class _Stream(Dataset):
    """Batch i, from seed and i alone.

    Args:
        config: what to draw.
        batch: sequences per batch.
        steps: how many batches there are.
        seed: of the whole stream.
        size: sensor side, pixels.
        frame_us: length of a frame, microseconds.
    """

    def __init__(
        self,
        config: OcclusionConfig,
        batch: int,
        steps: int,
        seed: int,
        size: int = 64,
        frame_us: int = 10_000,
    ):
        self.config, self.batch, self.steps, self.seed = config, batch, steps, seed
        self.scene = SceneConfig(size=size, frame_us=frame_us, noise_hz=config.noise_hz)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> OcclusionBatch:
        if not 0 <= index < self.steps:
            raise IndexError(f"batch {index} of {self.steps}")
        return self.make(split_seed("train", self.seed, index))

    def make(self, seed: list[int]) -> OcclusionBatch:
        raise NotImplementedError


class SceneStream(_Stream):
    """Made-up scenes without end: no object is shown twice.

    Every batch holds all tiers in equal shares, so that its statistics are those of the whole. Each
    is hidden for a time of its own; the shorter sequences end in frames of which nothing is asked.
    """

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.digits = load_mnist("train") if self.config.dataset == "digits" else None

    def make(self, seed: list[int]) -> OcclusionBatch:
        tiers = self.config.tiers
        parts = [
            as_tensors(self.play(tier, [*seed, share], len(range(share, self.batch, len(tiers)))))
            for share, tier in enumerate(tiers[: self.batch])
        ]
        return pad_and_stack(parts)

    def play(self, tier: str, seed: list[int], batch: int) -> Scenes:
        """Some sequences of one tier."""
        cfg = self.config
        if tier == "succession":
            acts = [draw_lengths(cfg, [*seed, i], cfg.busy) for i in range(cfg.objects)]
            return make_succession(
                seed, batch, seen=acts[0][0], hidden=[act[1] for act in acts],
                after=acts[-1][2], config=self.scene, digits=self.digits,
            )  # fmt: skip
        rules = TIERS[tier].at(self.scene)
        bounds = [n for n in (rules.longest, cfg.busy if rules.noise > 1 else None) if n]
        seen, hidden, after = draw_lengths(cfg, seed, min(bounds, default=None))
        if after:  # what comes back slowly is followed until it is back
            after += rules.returning(seen, hidden)
        return make_scenes(
            tier, seed, batch, seen=seen, hidden=hidden, after=after, config=self.scene,
            digits=self.digits,
        )  # fmt: skip


class NMNISTStream(_Stream):
    """The training recordings of N-MNIST at ever new places of the sensor."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.recordings = nmnist.load_nmnist("train")

    def make(self, seed: list[int]) -> OcclusionBatch:
        if "succession" not in self.config.tiers:
            _, hidden, after = draw_lengths(self.config, seed)
            scenes = make_scenes_nmnist(
                self.recordings, seed, self.batch, hidden=hidden, after=after,
                augmentation=self.config.augmentation, config=self.scene,
            )  # fmt: skip
            return as_tensors(scenes)
        acts = [draw_lengths(self.config, [*seed, i]) for i in range(self.config.objects)]
        scenes = make_succession_nmnist(
            self.recordings, seed, self.batch, hidden=[act[1] for act in acts],
            after=acts[-1][2], augmentation=self.config.augmentation, config=self.scene,
        )  # fmt: skip
        return as_tensors(scenes)


TRACKS = {"hidden_objects": "dvs128_objects", "pendulum": "pendulum"}
"""What the recordings of a data set are called, a key of `tracks.CLASSES`."""


class TrackStream(_Stream):
    """Stretches of recordings, varied, with a shutter cut in."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        dataset = TRACKS[self.config.dataset]
        self.tracks = load_tracks(dataset, "train", self.scene.size, self.scene.frame_us)
        self.augmentation = None if dataset == "pendulum" else self.config.augmentation

    def make(self, seed: list[int]) -> OcclusionBatch:
        seen, hidden, after = draw_lengths(self.config, seed)
        scenes = make_scenes_tracks(
            self.tracks, seed, self.batch, seen=seen, hidden=hidden, after=after,
            augmentation=self.augmentation, moves=self.config.moves, config=self.scene,
        )  # fmt: skip
        return as_tensors(scenes)


def draw_lengths(
    config: OcclusionConfig, seed: list[int], longest: int | None = None
) -> tuple[int, int, int]:
    """Frames seen, hidden (at most `longest`) and after, of some sequences."""
    rng = np.random.default_rng([*seed, 1])
    low, high = config.hidden
    if longest is not None:
        low, high = min(low, longest), min(high, longest)
    return (
        int(rng.integers(config.seen[0], config.seen[1] + 1)),
        int(np.exp(rng.uniform(np.log(low), np.log(high + 1)))),
        int(rng.choice([0, config.after])),
    )


def as_tensors(scenes: Scenes) -> OcclusionBatch:
    """The parts of scenes that learning wants, without a copy of the frames."""
    moved = (scenes.position != scenes.position[:1]).any(-1)
    asked = np.logical_or.accumulate(moved, axis=0) | ~moved.any(0)
    parts = (scenes.frames, scenes.label, scenes.position, scenes.hidden, asked)
    return tuple(torch.from_numpy(part) for part in parts)  # type: ignore[return-value]


def pad_and_stack(parts: Sequence[OcclusionBatch]) -> OcclusionBatch:
    """Batches beside each other, the shorter ones with empty frames behind them, of which nothing
    is asked."""
    steps = max(len(part[0]) for part in parts)
    whole = []
    for columns in zip(*parts, strict=True):
        first = columns[0]
        shape = (steps, sum(c.shape[1] for c in columns), *first.shape[2:])
        # Numpy's zeros are those of fresh memory; PyTorch's would be written once more.
        joined = torch.from_numpy(np.zeros(shape, first.numpy().dtype))
        begin = 0
        for column in columns:
            joined[: len(column), begin : begin + column.shape[1]] = column
            begin += column.shape[1]
        whole.append(joined)
    return tuple(whole)  # type: ignore[return-value]
