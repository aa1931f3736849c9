"""Training batches of recordings of one's own, hidden by what is cut in, or as their labels say."""

from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.tracks import described_tracks
from neurosvt.loaders.occlusion_batches import OcclusionBatch, as_tensors, pad_and_stack
from neurosvt.loaders.occlusions import OWN, OcclusionData, OcclusionStream, draw_lengths
from neurosvt.loaders.registry import DATASETS
from neurosvt.scenes.annotated_tracks import ANNOTATED, annotated_spans, make_scenes_annotated
from neurosvt.scenes.occluded_tracks import make_scenes_tracks, track_scene_frames
from neurosvt.scenes.scenes import Scenes


class RecordingStream(OcclusionStream):
    """Stretches of recordings, all tiers in equal shares of every batch.

    Args:
        args, options: as of `OcclusionStream`.

    Raises:
        FileNotFoundError, UserError: as `described_tracks`; recordings that are too short, or
            labels of hiding are asked for and there are none.
    """

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        cfg = self.config
        self.tracks = described_tracks(cfg.source, "train", self.scene.size, self.scene.frame_us)
        self.spans = annotated_spans(self.tracks, 1)
        if ANNOTATED in cfg.tiers and not self.spans:
            raise UserError(f"{cfg.source}: no recording of train says when its object is hidden")
        shown = track_scene_frames(cfg.seen[1], 0, cfg.after)
        self.longest = max(len(track.frames) for track in self.tracks) - shown
        if self.longest < 1:
            raise UserError(
                f"{cfg.source}: no recording of train has {shown + 1} frames, as long as an object "
                f"is in view; shorten data.seen ({cfg.seen[1]})"
            )

    def make(self, seed: list[int]) -> OcclusionBatch:
        return pad_and_stack([as_tensors(self.scenes(*share)) for share in self.shares(seed)])

    def scenes(self, tier: str, seed: list[int], batch: int) -> Scenes:
        """Some sequences of one tier."""
        cfg = self.config
        seen, hidden, after = draw_lengths(cfg, seed, self.longest)
        if tier == ANNOTATED:
            rng = np.random.default_rng([*seed, 3])
            chosen = [self.spans[i] for i in rng.integers(len(self.spans), size=batch)]
            hidden = min(hidden, *(end - begin for _, begin, end in chosen))
            return make_scenes_annotated(
                self.tracks, chosen, seed, seen=seen, hidden=hidden, after=after, config=self.scene
            )
        return make_scenes_tracks(
            self.tracks, seed, batch, seen=seen, hidden=hidden, after=after, hides=tier,
            augmentation=cfg.augmentation, moves=cfg.moves, config=self.scene,
        )  # fmt: skip


DATASETS[OWN] = OcclusionData((), RecordingStream)
