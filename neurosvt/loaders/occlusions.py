"""Training batches without end: one per step, made from the step's own seed.

Because batch i depends on nothing but (seed, i), training can stop after any step and go on from
there with the data that it would have had.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from torch.utils.data import Dataset

from neurosvt.datasets.mnist import MNIST_CLASSES, Digits, load_mnist
from neurosvt.events.augment import Augmentation
from neurosvt.loaders.occlusion_batches import OcclusionBatch, as_tensors, pad_and_stack
from neurosvt.loaders.registry import DATASETS, TrainingData, find_dataset
from neurosvt.scenes.annotated_tracks import RECORDING_TIERS
from neurosvt.scenes.sampling import SHAPE_CLASSES, SceneConfig
from neurosvt.scenes.scenes import Scenes, make_scenes, split_seed
from neurosvt.scenes.succession import SUCCESSION, all_tiers, checked_tier, make_succession
from neurosvt.scenes.tiers import TIERS
from neurosvt.sides import Size

OWN = "recordings"
"""The data set that is a folder of one's own."""


@dataclass(frozen=True)
class OcclusionConfig:
    """What sequences a model is trained on."""

    dataset: str = "scenes"
    """A key of `DATASETS`: "scenes" or "digits", made-up scenes of eight shapes or of MNIST's
    digits; or real recordings: "nmnist"; "hidden_objects" and "pendulum", with a shutter cut in;
    "recordings", one's own, from `source`."""
    source: str = ""
    """Folder that `neurosvt data prepare index` or `folder` made, by its path or its name below the
    folder of data sets; of "recordings" alone."""
    classes: tuple[str, ...] = ()
    """What "recordings" show, in the order of labels; none is told by the folder."""
    tiers: tuple[str, ...] = ("blackout", "curtain")
    """What hides the object, in equal shares of every batch: keys of `TIERS`, or "succession".
    Recordings have darkness alone; with "succession" among the tiers, one after the other."""
    seen: tuple[int, int] = (8, 20)
    """Fewest and most frames in view before something begins to hide the object; a recording of
    N-MNIST is seen whole."""
    long_views: int = 0
    """Most frames in view in half of all shares, drawn log-uniformly from the most of `seen` on, as
    streams show them; 0 for none."""
    hidden: tuple[int, int] = (10, 600)
    """Fewest and most hidden frames, drawn log-uniformly: as many up to 77 as beyond."""
    busy: int = 120
    """Most hidden frames where something moves meanwhile, and of each object of a succession."""
    objects: int = 3
    """Objects of a succession."""
    empty_before: tuple[int, int] = (0, 0)
    """Fewest and most frames of emptiness before an object comes, in every other share of a batch;
    none as it is. Of made-up scenes and "recordings"."""
    compound: float = 0.0
    """Share of strangers that are compounds, fuller than an outline; of made-up scenes."""
    after: int = 6
    """Frames in view after the object has come back, in every other batch; the rest end hidden."""
    noise_hz: float = 0.1
    """Sensor noise per pixel and second."""
    most_noise_hz: float = 0.0
    """Most of it, drawn log-uniformly from `noise_hz` on in half of all shares; 0 for no more than
    that. Of made-up scenes."""
    sensor: tuple[int, int] | None = None
    """Width and height of the camera that sees made-up scenes, whose pixels are fitted onto the
    model's; none for one with the model's own."""
    frame_ms: tuple[float, ...] = ()
    """Lengths of frames, one drawn for each batch; none for that of the model. What is in view
    lasts as long as in frames of the model's length, what is hidden for as many. Of made-up scenes
    only."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """How far recordings are augmented, each time they are shown; scenes are always new, and the
    pendulum hangs as it hangs."""
    moves: float = 0.0
    """How far hand-held objects are moved at random, at most, in sensor sides."""

    def __post_init__(self) -> None:
        find_dataset(self.dataset, OcclusionData)
        if (self.dataset == OWN) != bool(self.source):
            raise ValueError(f"source names the folder of {OWN}, got {self.source!r}")
        if not self.tiers:
            raise ValueError(f"tiers must name at least one of {', '.join(all_tiers())}")
        for tier in self.tiers:
            if self.dataset != OWN:
                checked_tier(tier)
            elif tier not in RECORDING_TIERS:
                known = ", ".join(RECORDING_TIERS)
                raise ValueError(f"tiers of recordings are {known}, got {tier!r}")
        for name in ("seen", "hidden"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(f"{name} must rise from at least 1 frame, got {(low, high)}")
        low, high = self.empty_before
        if not 0 <= low <= high:
            raise ValueError(f"empty_before must rise from at least 0 frames, got {(low, high)}")
        if not all(0 < length < math.inf for length in self.frame_ms):
            raise ValueError(f"frame_ms must be numbers above 0, got {self.frame_ms}")
        made_up = ("scenes", "digits")
        if self.frame_ms and self.dataset not in made_up:
            raise ValueError(f"frame_ms is for {' and '.join(made_up)}, not {self.dataset}")
        if self.sensor and self.dataset not in made_up:
            raise ValueError(f"sensor is for {' and '.join(made_up)}, not {self.dataset}")
        if self.long_views and self.long_views < self.seen[1]:
            raise ValueError(f"long_views must be at least {self.seen[1]}, as long as seen, or 0")
        if min(self.busy, self.objects) < 1:
            raise ValueError("busy and objects must be at least 1")
        if self.most_noise_hz and not 0 < self.noise_hz <= self.most_noise_hz:
            raise ValueError("most_noise_hz must be at least noise_hz, which is above 0; or 0")
        if not 0 <= self.compound <= 1:
            raise ValueError(f"compound must lie in [0, 1], got {self.compound}")
        if self.after < 0 or self.noise_hz < 0:
            raise ValueError("after and noise_hz must not be below 0")

    def scene(self, size: Size, frame_us: int) -> SceneConfig:
        """The camera before a model with a sensor of this size."""
        own = SceneConfig(size=size, frame_us=frame_us, noise_hz=self.noise_hz)
        return replace(own, size=self.sensor, shown=size) if self.sensor else own


class OcclusionStream(Dataset[OcclusionBatch]):
    """Batch i, from seed and i alone; a data set's own stream says how one is made.

    Args:
        config: what to draw.
        batch: sequences per batch.
        steps: how many batches there are.
        seed: of the whole stream.
        size: of the sensor.
        frame_us: length of a frame, microseconds.
    """

    def __init__(
        self,
        config: OcclusionConfig,
        batch: int,
        steps: int,
        seed: int,
        size: Size = 64,
        frame_us: int = 10_000,
    ):
        self.config, self.batch, self.steps, self.seed = config, batch, steps, seed
        self.scene = replace(config.scene(size, frame_us), compound=config.compound)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> OcclusionBatch:
        if not 0 <= index < self.steps:
            raise IndexError(f"batch {index} of {self.steps}")
        return self.make(split_seed("train", self.seed, index))

    def make(self, seed: list[int]) -> OcclusionBatch:
        """The batch of this seed."""
        raise NotImplementedError

    def shares(self, seed: list[int]) -> Iterator[tuple[str, list[int], int]]:
        """Every tier of the batch of this seed: its own seed, and its number of sequences."""
        tiers = self.config.tiers
        for share, tier in enumerate(tiers[: self.batch]):
            yield tier, [*seed, share], len(range(share, self.batch, len(tiers)))


@dataclass(frozen=True)
class OcclusionData(TrainingData):
    """A data set of objects that hide."""

    holds: ClassVar[str] = "occlusions"
    stream: Callable[[OcclusionConfig, int, int, int, Size, int], OcclusionStream]
    """Its training batches, from what an `OcclusionStream` is made of: config, batch, steps, seed,
    size, frame_us."""
    least_size: int = 32
    """Sensor side that it needs, pixels."""


class SceneStream(OcclusionStream):
    """Made-up scenes without end: no object is shown twice.

    Every batch holds all tiers in equal shares, so that its statistics are those of the whole. Each
    is hidden for a time of its own; the shorter sequences end in frames of which nothing is asked.

    Args:
        digits: objects in place of the eight shapes.
        args, options: as of `OcclusionStream`.
    """

    def __init__(self, *args: Any, digits: Digits | None = None, **options: Any):
        super().__init__(*args, **options)
        self.digits = digits

    def make(self, seed: list[int]) -> OcclusionBatch:
        scene = self.scene
        frame_ms = draw_frame_ms(self.config, seed)
        if frame_ms is not None:
            scene = replace(scene, frame_us=round(frame_ms * 1000))
        shares = (self.scenes(*share, scene) for share in self.shares(seed))
        return pad_and_stack([as_tensors(scenes, frame_ms) for scenes in shares])

    def scenes(self, tier: str, seed: list[int], batch: int, scene: SceneConfig) -> Scenes:
        """Some sequences of one tier, in frames of the scene's length."""
        cfg = self.config
        scene = replace(scene, noise_hz=draw_noise(cfg, seed))
        before = self.as_long(draw_emptiness(cfg, seed), scene)
        if tier == SUCCESSION:
            parts = [draw_lengths(cfg, [*seed, i], cfg.busy) for i in range(cfg.objects)]
            return make_succession(
                seed, batch, seen=self.as_long(parts[0][0], scene),
                hidden=[hidden for _, hidden, _ in parts],
                after=self.as_long(parts[-1][2], scene), before=before, config=scene,
                digits=self.digits,
            )  # fmt: skip
        rules = TIERS[tier].at(scene)
        bounds = [n for n in (rules.longest, cfg.busy if rules.noise > 1 else None) if n]
        seen, hidden, after = draw_lengths(cfg, seed, min(bounds, default=None))
        seen, after = self.as_long(seen, scene), self.as_long(after, scene)
        if after:  # what comes back slowly is followed until it is back
            after += rules.returning(seen, hidden)
        return make_scenes(
            tier, seed, batch, seen=seen, hidden=hidden, after=after, before=before,
            config=scene, digits=self.digits,
        )  # fmt: skip

    def as_long(self, frames: int, scene: SceneConfig) -> int:
        """As many frames of the scene's length as last as long as these of the model's."""
        return max(min(frames, 1), round(frames * self.scene.frame_us / scene.frame_us))


def draw_lengths(
    config: OcclusionConfig, seed: list[int], longest: int | None = None
) -> tuple[int, int, int]:
    """Frames seen, hidden (at most `longest`) and after, of some sequences."""
    rng = np.random.default_rng([*seed, 1])
    low, high = config.hidden
    if longest is not None:
        low, high = min(low, longest), min(high, longest)
    seen = int(rng.integers(config.seen[0], config.seen[1] + 1))
    hides = int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))
    after = int(rng.choice([0, config.after]))
    if config.long_views and rng.integers(2):
        seen = int(np.exp(rng.uniform(np.log(config.seen[1]), np.log(config.long_views + 1))))
    return seen, hides, after


def draw_frame_ms(config: OcclusionConfig, seed: list[int]) -> float | None:
    """Length of the frames of a batch; None for that of the model."""
    if not config.frame_ms:
        return None
    return float(np.random.default_rng([*seed, 2]).choice(config.frame_ms))


def draw_noise(config: OcclusionConfig, seed: list[int]) -> float:
    """Sensor noise per pixel and second in some sequences."""
    rng = np.random.default_rng([*seed, 3])
    if not config.most_noise_hz or rng.integers(2):
        return config.noise_hz
    return float(np.exp(rng.uniform(*np.log([config.noise_hz, config.most_noise_hz]))))


def draw_emptiness(config: OcclusionConfig, seed: list[int]) -> int:
    """Frames of emptiness before some sequences: in half of all cases none."""
    low, high = config.empty_before
    (rng,) = np.random.default_rng([*seed, 1]).spawn(1)
    return int(rng.integers(2) * rng.integers(low, high + 1))


DATASETS["scenes"] = OcclusionData(SHAPE_CLASSES, SceneStream)
DATASETS["digits"] = OcclusionData(
    MNIST_CLASSES, lambda *settings: SceneStream(*settings, digits=load_mnist("train"))
)
