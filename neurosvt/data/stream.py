"""Training batches without end: one per step, made from the step's own seed in another process.

Because batch i depends on nothing but (seed, i), training can stop after any step and go on from
there with the data that it would have had.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from neurosvt.data import nmnist
from neurosvt.data.augment import Variety
from neurosvt.data.nmnist_scenes import make_scenes_nmnist
from neurosvt.data.scenes import TIERS, TRANSITION, SceneConfig, Scenes, make_scenes, split_seed

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Frames (T, B, 2, H, W) bool, label (B,), place (T, B, 2), hidden (T, B)."""


@dataclass(frozen=True)
class StreamConfig:
    """What sequences a model is trained on."""

    dataset: Literal["scenes", "nmnist"] = "scenes"
    """Made-up scenes, or the real recordings of N-MNIST."""
    tiers: tuple[str, ...] = ("blackout", "curtain")
    """What hides the object, in equal shares of every batch; recordings have darkness alone."""
    seen: tuple[int, int] = (8, 20)
    """Fewest and most frames in view before the slowest tier begins to hide the object; a recording
    is seen whole."""
    hidden: tuple[int, int] = (10, 600)
    """Fewest and most hidden frames, drawn log-uniformly: as many up to 77 as beyond."""
    after: int = 6
    """Frames in view after the object has come back, in every other batch; the rest end hidden."""
    noise_hz: float = 0.1
    """Sensor noise per pixel and second."""
    variety: Variety = field(default_factory=Variety)
    """How far recordings are varied, each time that they are shown; scenes are always new."""

    def __post_init__(self):
        if not self.tiers:
            raise ValueError(f"tiers must name at least one of {sorted(TIERS)}")
        for tier in self.tiers:
            if tier not in TIERS:
                raise ValueError(f"tier {tier!r} is unknown; choose from {sorted(TIERS)}")
        for name in ("seen", "hidden"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(f"{name} must rise from at least 1 frame, got {(low, high)}")
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
        config: StreamConfig,
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

    def __getitem__(self, index: int) -> Batch:
        if not 0 <= index < self.steps:
            raise IndexError(f"batch {index} of {self.steps}")
        return self.make(split_seed("train", self.seed, index))

    def make(self, seed: list[int]) -> Batch:
        raise NotImplementedError


class SceneStream(_Stream):
    """Made-up scenes without end: no object is shown twice.

    Every batch holds all tiers in equal shares, so that its statistics are those of the whole. Its
    sequences are hidden in the same frames: the quicker a tier hides, the longer its object shows.
    """

    def make(self, seed: list[int]) -> Batch:
        seen, hidden, after = draw_act(self.config, seed)
        tiers = self.config.tiers
        slowest = max(TRANSITION[tier] for tier in tiers)
        parts = [
            as_tensors(
                make_scenes(
                    tier,
                    [*seed, share],
                    len(range(share, self.batch, len(tiers))),
                    seen=seen + slowest - TRANSITION[tier],
                    hidden=hidden,
                    after=after,
                    config=self.scene,
                )
            )
            for share, tier in enumerate(tiers[: self.batch])
        ]
        frames, label, place, hides = zip(*parts, strict=True)
        return torch.cat(frames, 1), torch.cat(label), torch.cat(place, 1), torch.cat(hides, 1)


class NMNISTStream(_Stream):
    """The training recordings of N-MNIST at ever new places of the sensor."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.recordings = nmnist.load("train")

    def make(self, seed: list[int]) -> Batch:
        _, hidden, after = draw_act(self.config, seed)
        scenes = make_scenes_nmnist(
            self.recordings, seed, self.batch, hidden=hidden, after=after,
            variety=self.config.variety, config=self.scene,
        )  # fmt: skip
        return as_tensors(scenes)


def draw_act(config: StreamConfig, seed: list[int]) -> tuple[int, int, int]:
    """Frames seen, hidden and after, of one batch."""
    rng = np.random.default_rng([*seed, 1])
    low, high = np.log(config.hidden[0]), np.log(config.hidden[1] + 1)
    return (
        int(rng.integers(config.seen[0], config.seen[1] + 1)),
        int(np.exp(rng.uniform(low, high))),
        int(rng.choice([0, config.after])),
    )


def as_tensors(scenes: Scenes) -> Batch:
    """The parts of scenes that learning and judging want, without a copy."""
    parts = (scenes.frames, scenes.label, scenes.place, scenes.hidden)
    return tuple(torch.from_numpy(part) for part in parts)  # type: ignore[return-value]


def ahead(stream: Dataset, start: int, workers: int = 1) -> Iterator[Batch]:
    """Batches from `start` on, made by `workers` processes while the model is busy; 0 for none."""
    loader = DataLoader(
        stream,
        batch_size=None,
        sampler=range(start, len(stream)),  # type: ignore[arg-type]
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        worker_init_fn=_leave_interrupts,
        # Its own generator: the loader would draw from, and so disturb, the training's.
        generator=torch.Generator(),
    )
    return iter(loader)


def _leave_interrupts(worker: int) -> None:
    """Ctrl-C goes to the whole group of processes; what it means is for the trainer to say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
