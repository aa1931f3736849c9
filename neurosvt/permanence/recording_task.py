"""What PermanenceBench asks of recordings of one's own, prepared as a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar, TypeVar

import numpy as np

from neurosvt.config import Registry, UserError
from neurosvt.datasets.described import described_classes
from neurosvt.datasets.folder import checked_split
from neurosvt.datasets.tracks import Track, described_tracks
from neurosvt.scenes.annotated_tracks import (
    ANNOTATED,
    RECORDING_TIERS,
    annotated_spans,
    make_scenes_annotated,
)
from neurosvt.scenes.occluded_tracks import (
    SHUTTER_OPENING,
    make_scenes_tracks,
    possible_starts,
    track_scene_frames,
)
from neurosvt.scenes.scenes import RECOVERY, SceneConfig, Scenes, split_seed

Place = TypeVar("Place")


@dataclass(frozen=True)
class RecordingTask:
    """Recordings of one's own: hidden by what is cut in, or as their labels say.

    Stretches are spread evenly over the recordings of the split; where more are asked for than fit
    beside one another they overlap. Of hiding that is labelled there are as many events as there
    are spans, once each, whatever is asked for; the answer counts at the last of `hidden` frames.

    Args:
        source: a prepared folder, see `datasets.described`.
        split: "validation" or "test".
        seed: of what is cut in, and of sensor noise.
        seen: frames in view before.
        batch: sequences made at a time.
    """

    source: str
    split: str
    seed: int = 0
    seen: int = 24
    batch: int = 50
    scene: SceneConfig = field(default_factory=SceneConfig)
    name: str = "recordings"
    tiers: tuple[str, ...] = ("curtain",)
    known: ClassVar[tuple[str, ...]] = RECORDING_TIERS

    def __post_init__(self) -> None:
        checked_split(self.split)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the recordings show."""
        return described_classes(self.source)

    def supports(self, tier: str, hidden: int) -> bool:
        """Whether a recording of the split is long enough, or a labelled span."""
        Registry("tier", dict.fromkeys(self.known))[tier]
        found = (
            annotated_spans(self._tracks(), hidden) if tier == ANNOTATED else self._starts(hidden)
        )
        return bool(found)

    def at(self, frame_us: int) -> "RecordingTask":
        """The same in frames of another length."""
        seen = max(1, round(self.seen * self.scene.frame_us / frame_us))
        return replace(self, seen=seen, scene=replace(self.scene, frame_us=frame_us))

    def batches(self, tier: str, hidden: int, events: int) -> Iterator[Scenes]:
        """As of `SceneTask`, of stretches of recordings.

        Raises:
            UserError: a tier that is unknown, or no recording is long enough.
        """
        if not self.supports(tier, hidden):
            raise UserError(f"no recording of {self.split} hides for {hidden} frames ({tier})")
        tracks = self._tracks()
        if tier == ANNOTATED:
            for index, spans in enumerate(batched(annotated_spans(tracks, hidden), self.batch)):
                yield make_scenes_annotated(
                    tracks, spans, split_seed(self.split, self.seed, index), seen=self.seen,
                    hidden=hidden, after=RECOVERY, config=self.scene,
                )  # fmt: skip
            return
        possible = self._starts(hidden)
        spread = np.linspace(0, len(possible) - 1, events).astype(int)
        starts = [possible[at] for at in spread.tolist()]
        for index, chosen in enumerate(batched(starts, self.batch)):
            yield make_scenes_tracks(
                tracks, split_seed(self.split, self.seed, index), len(chosen), seen=self.seen,
                hidden=hidden, after=_AFTER, starts=chosen, hides=tier, config=self.scene,
            )  # fmt: skip

    def _starts(self, hidden: int) -> list[tuple[int, int]]:
        return possible_starts(self._tracks(), track_scene_frames(self.seen, hidden, _AFTER))

    def _tracks(self) -> list[Track]:
        return _loaded(self.source, self.split, self.scene.size, self.scene.frame_us)


def batched(places: Sequence[Place], size: int) -> Iterator[Sequence[Place]]:
    """So many at a time, the last perhaps fewer."""
    return (places[start : start + size] for start in range(0, len(places), size))


_AFTER = SHUTTER_OPENING + RECOVERY
_loaded = lru_cache(maxsize=4)(described_tracks)
