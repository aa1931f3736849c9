"""Scenes of recordings whose objects hide by themselves, as labels say.

Axes: T frames, B batch, 2 polarities (OFF, ON), H W sensor pixels.
"""

from collections.abc import Sequence

import numpy as np

from neurosvt.datasets.tracks import Track
from neurosvt.presence import Presence
from neurosvt.scenes.occluded_tracks import CUT_IN
from neurosvt.scenes.presence_tracks import PRESENCE_CUT_IN
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SceneConfig
from neurosvt.scenes.scenes import RECOVERY, Occlusion, Scenes
from neurosvt.scenes.sensor import add_noise

ANNOTATED = "annotated"
"""The tier of objects that hide by themselves."""

RECORDING_TIERS = (*CUT_IN, ANNOTATED, *PRESENCE_CUT_IN)
"""What may be asked of recordings of one's own."""


def make_scenes_annotated(
    tracks: Sequence[Track],
    spans: Sequence[tuple[int, int, int]],
    seed: int | Sequence[int],
    *,
    seen: int,
    hidden: int,
    after: int,
    config: SceneConfig = DEFAULT_CONFIG,
) -> Scenes:
    """Make a batch of stretches whose objects hide by themselves, as their labels say.

    Args:
        tracks: with `Track.hidden`.
        spans: for every sequence which track, and its hidden frames from and to, as
            `annotated_spans` finds them; each at least `hidden` long.
        seed: of sensor noise.
        seen: frames before, >= 1; where a recording has fewer, the first ones are empty.
        hidden: frames of the span that are shown, from its first on.
        after: frames after these; where a recording has fewer, the last ones are empty.
        config: `noise_hz` is added on top of what was recorded; 0 leaves recordings as they are.
    """
    total, batch = seen + hidden + after, len(spans)
    width, height = config.sensor
    frames = np.zeros((total, batch, 2, height, width), bool)
    position = np.zeros((total, batch, 2), np.float32)
    presence = np.full((total, batch), Presence.IN_VIEW, np.int8)
    recovered = np.full(batch, total)
    for row, (index, begin, end) in enumerate(spans):
        track = tracks[index]
        at = np.arange(begin - seen, begin - seen + total)
        there = (at >= 0) & (at < len(track.frames))
        frames[there, row] = track.frames[at[there]]
        position[:, row] = track.position[np.clip(at, 0, len(track.frames) - 1)]
        assert track.hidden is not None
        presence[there, row] = np.where(track.hidden[at[there]], Presence.HIDDEN, Presence.IN_VIEW)
        presence[seen : seen + hidden, row] = Presence.HIDDEN
        if end - begin == hidden:  # it is back within what is shown
            recovered[row] = seen + hidden + RECOVERY - 1
    add_noise(frames, config.noise_hz, config.frame_us, np.random.default_rng(seed))
    occluder = np.zeros((total, batch, 7), np.float32)
    occluder[..., 2] = 1
    label = np.array([tracks[index].label for index, *_ in spans])
    return Scenes(
        frames=frames,
        label=np.broadcast_to(label, presence.shape).copy(),
        position=position,
        presence=presence,
        occluder=occluder,
        occlusions=(Occlusion(np.full(batch, seen - 1), seen, seen + hidden - 1, recovered),),
        extent=config.extent,
    )


def annotated_spans(tracks: Sequence[Track], hidden: int) -> list[tuple[int, int, int]]:
    """Every track and span of hidden frames, from and to, that lasts at least `hidden` frames and
    has something in view before it."""
    found = []
    for index, track in enumerate(tracks):
        if track.hidden is None:
            continue
        turns = np.flatnonzero(np.diff(np.r_[False, track.hidden, False]))
        found += [
            (index, int(begin), int(end))
            for begin, end in turns.reshape(-1, 2)
            if begin > 0 and end - begin >= hidden
        ]
    return found
