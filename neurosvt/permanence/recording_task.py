"""What PermanenceBench asks of recordings of one's own, prepared as a folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar

from neurosvt.config import Registry, UserError
from neurosvt.datasets.described import described_classes
from neurosvt.datasets.folder import checked_split
from neurosvt.datasets.tracks import Track, described_tracks, of_classes
from neurosvt.permanence.cut_in import AFTER, as_long_in_view, cut_in, spread_starts, starts_of
from neurosvt.scenes.annotated_tracks import (
    ANNOTATED,
    RECORDING_TIERS,
    annotated_spans,
    make_scenes_annotated,
)
from neurosvt.scenes.presence_tracks import PRESENCE_CUT_IN, make_scenes_presence
from neurosvt.scenes.scenes import RECOVERY, SceneConfig, Scenes, split_seed
from neurosvt.sides import Size

NO_NAME = -1
"""Label of what a model has no name for."""


@dataclass(frozen=True)
class RecordingTask:
    """Recordings of one's own: hidden by what is cut in, or as their labels say.

    Stretches are spread evenly over the recordings of the split; where more are asked for than fit
    beside one another they overlap. Of hiding that is labelled there are as many events as there
    are spans, once each, whatever is asked for; the answer counts at the last of `hidden` frames.
    Strangers are what the index calls none of its classes; without any, objects torn to pieces.

    Args:
        source: a prepared folder, see `datasets.described`.
        split: "validation" or "test".
        seed: of what is cut in, and of sensor noise.
        seen: frames in view before.
        batch: sequences made at a time.
        named: what a model that learnt from other data calls its classes: labels become its own by
            name, and class is never right of what it has no name for; none for the folder's.
    """

    source: str
    split: str
    seed: int = 0
    seen: int = 24
    batch: int = 50
    scene: SceneConfig = field(default_factory=SceneConfig)
    name: str = "recordings"
    tiers: tuple[str, ...] = ("curtain",)
    named: tuple[str, ...] = ()
    known: ClassVar[tuple[str, ...]] = RECORDING_TIERS

    def __post_init__(self) -> None:
        checked_split(self.split)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the recordings show."""
        return self.named or described_classes(self.source)

    def supports(self, tier: str, hidden: int) -> bool:
        """Whether a recording of the split is long enough, or a labelled span."""
        Registry("tier", dict.fromkeys(self.known))[tier]
        tracks, others = self._tracks()
        if tier == ANNOTATED:
            return bool(annotated_spans(tracks, hidden))
        return bool(starts_of(self, others if tier == "stranger" and others else tracks, hidden))

    def at(self, frame_us: int) -> "RecordingTask":
        """The same in frames of another length."""
        return as_long_in_view(self, frame_us)

    def batches(self, tier: str, hidden: int, events: int) -> Iterator[Scenes]:
        """As of `SceneTask`, of stretches of recordings.

        Raises:
            UserError: a tier that is unknown, or no recording is long enough.
        """
        if not self.supports(tier, hidden):
            raise UserError(f"no recording of {self.split} hides for {hidden} frames ({tier})")
        tracks, others = self._tracks()
        if tier == ANNOTATED:
            spans = annotated_spans(tracks, hidden)
            for index, start in enumerate(range(0, len(spans), self.batch)):
                chosen = spans[start : start + self.batch]
                yield make_scenes_annotated(
                    tracks, chosen, split_seed(self.split, self.seed, index), seen=self.seen,
                    hidden=hidden, after=RECOVERY, config=self.scene,
                )  # fmt: skip
            return
        if tier in PRESENCE_CUT_IN:
            known = [] if tier == "stranger" and others else tracks
            for seed, starts in spread_starts(self, known or others, hidden, events):
                yield make_scenes_presence(
                    tier, known, others, seed, len(starts), seen=self.seen, hidden=hidden,
                    after=AFTER, starts=starts, config=self.scene,
                )  # fmt: skip
            return
        yield from cut_in(self, tracks, hidden, events, tier)

    def _tracks(self) -> tuple[list[Track], list[Track]]:
        known, others = _loaded(self.source, self.split, self.scene.size, self.scene.frame_us)
        if not self.named:
            return known, others
        labels = [
            self.named.index(name) if name in self.named else NO_NAME
            for name in described_classes(self.source)
        ]
        return [replace(track, label=labels[track.label or 0]) for track in known], others


@lru_cache(maxsize=4)
def _loaded(source: str, split: str, size: Size, frame_us: int) -> tuple[list[Track], list[Track]]:
    return of_classes(described_tracks(source, split, size, frame_us))
