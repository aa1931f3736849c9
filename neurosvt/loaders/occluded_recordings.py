"""Training batches of recordings that data sets bring: N-MNIST, objects in a hand, a pendulum."""

from functools import partial
from typing import Any

from neurosvt.datasets.nmnist import NMNIST_CLASSES, NMNIST_SIDE, load_nmnist
from neurosvt.datasets.tracks import TRACK_CLASSES, load_tracks
from neurosvt.loaders.occlusion_batches import OcclusionBatch, as_tensors
from neurosvt.loaders.occlusions import OcclusionData, OcclusionStream, draw_lengths
from neurosvt.loaders.registry import DATASETS
from neurosvt.scenes.occluded_nmnist import make_scenes_nmnist, make_succession_nmnist
from neurosvt.scenes.occluded_tracks import make_scenes_tracks
from neurosvt.scenes.succession import SUCCESSION


class NMNISTStream(OcclusionStream):
    """The training recordings of N-MNIST at ever new positions."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.recordings = load_nmnist("train")

    def make(self, seed: list[int]) -> OcclusionBatch:
        if SUCCESSION not in self.config.tiers:
            _, hidden, after = draw_lengths(self.config, seed)
            scenes = make_scenes_nmnist(
                self.recordings, seed, self.batch, hidden=hidden, after=after,
                augmentation=self.config.augmentation, config=self.scene,
            )  # fmt: skip
            return as_tensors(scenes)
        parts = [draw_lengths(self.config, [*seed, i]) for i in range(self.config.objects)]
        scenes = make_succession_nmnist(
            self.recordings, seed, self.batch, hidden=[hidden for _, hidden, _ in parts],
            after=parts[-1][2], augmentation=self.config.augmentation, config=self.scene,
        )  # fmt: skip
        return as_tensors(scenes)


class TrackStream(OcclusionStream):
    """Stretches of recordings, augmented, with a shutter cut in.

    Args:
        recordings: a key of `TRACK_CLASSES`.
        args, options: as of `OcclusionStream`.
    """

    def __init__(self, *args: Any, recordings: str = "dvs128_objects", **options: Any):
        super().__init__(*args, **options)
        self.tracks = load_tracks(recordings, "train", self.scene.size, self.scene.frame_us)
        self.augmentation = None if recordings == "pendulum" else self.config.augmentation

    def make(self, seed: list[int]) -> OcclusionBatch:
        seen, hidden, after = draw_lengths(self.config, seed)
        scenes = make_scenes_tracks(
            self.tracks, seed, self.batch, seen=seen, hidden=hidden, after=after,
            augmentation=self.augmentation, moves=self.config.moves, config=self.scene,
        )  # fmt: skip
        return as_tensors(scenes)


DATASETS["nmnist"] = OcclusionData(NMNIST_CLASSES, NMNISTStream, least_size=NMNIST_SIDE)
DATASETS["hidden_objects"] = OcclusionData(TRACK_CLASSES["dvs128_objects"], TrackStream)
DATASETS["pendulum"] = OcclusionData(
    TRACK_CLASSES["pendulum"], partial(TrackStream, recordings="pendulum")
)
