"""Training batches of recordings of one's own, hidden by what is cut in, or as their labels say."""

from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.tracks import described_tracks, of_classes
from neurosvt.loaders.occlusion_batches import OcclusionBatch, as_tensors, pad_and_stack
from neurosvt.loaders.occlusions import (
    OWN,
    OcclusionData,
    OcclusionStream,
    draw_emptiness,
    draw_lengths,
)
from neurosvt.loaders.registry import DATASETS
from neurosvt.scenes.annotated_tracks import ANNOTATED, annotated_spans, make_scenes_annotated
from neurosvt.scenes.occluded_tracks import make_scenes_tracks, track_scene_frames
from neurosvt.scenes.presence_tracks import PRESENCE_CUT_IN, make_scenes_presence, with_emptiness
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
        self.tracks, self.others = of_classes(
            described_tracks(cfg.source, "train", self.scene.size, self.scene.frame_us)
        )
        self.spans = annotated_spans(self.tracks, 1)
        if ANNOTATED in cfg.tiers and not self.spans:
            raise UserError(f"{cfg.source}: no recording of train says when its object is hidden")
        longest_view = max(cfg.seen[1], cfg.long_views)
        shown = track_scene_frames(longest_view, 0, cfg.after)
        self.longest = max(len(track.frames) for track in self.tracks) - shown
        if self.longest < 1:
            raise UserError(
                f"{cfg.source}: no recording of train has {shown + 1} frames, as long as an object "
                f"is in view; shorten data.seen and data.long_views ({longest_view})"
            )

    def make(self, seed: list[int]) -> OcclusionBatch:
        return pad_and_stack([as_tensors(self.scenes(*share)) for share in self.shares(seed)])

    def scenes(self, tier: str, seed: list[int], batch: int) -> Scenes:
        """Some sequences of one tier."""
        return with_emptiness(
            self._hidden(tier, seed, batch), draw_emptiness(self.config, seed), seed, self.scene
        )

    def _hidden(self, tier: str, seed: list[int], batch: int) -> Scenes:
        cfg = self.config
        seen, hidden, after = draw_lengths(cfg, seed, self.longest)
        if tier == ANNOTATED:
            rng = np.random.default_rng([*seed, 3])
            chosen = [self.spans[i] for i in rng.integers(len(self.spans), size=batch)]
            hidden = min(hidden, *(end - begin for _, begin, end in chosen))
            return make_scenes_annotated(
                self.tracks, chosen, seed, seen=seen, hidden=hidden, after=after, config=self.scene
            )
        if tier in PRESENCE_CUT_IN:
            return make_scenes_presence(
                tier, self.tracks, self.others, seed, batch, seen=seen, hidden=hidden, after=after,
                augmentation=cfg.augmentation, moves=cfg.moves, config=self.scene,
            )  # fmt: skip
        return make_scenes_tracks(
            self.tracks, seed, batch, seen=seen, hidden=hidden, after=after, hides=tier,
            augmentation=cfg.augmentation, moves=cfg.moves, config=self.scene,
        )  # fmt: skip


DATASETS[OWN] = OcclusionData((), RecordingStream)
