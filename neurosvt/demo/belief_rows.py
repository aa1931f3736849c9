"""What models believed of an episode, as rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurosvt.demo.page import Episode
from neurosvt.presence import PRESENCE_NAMES


def belief_rows(episode: Episode) -> Iterator[dict[str, Any]]:
    """What every model believed and did at each frame, a flat row each."""
    dark = np.zeros(len(episode.frames), bool) if episode.hidden is None else episode.hidden
    for track in episode.beliefs:
        labels = track.probabilities.argmax(-1)
        for frame, label in enumerate(labels):
            yield {
                "memory": track.model,
                "frame": frame,
                "time_s": frame * episode.frame_ms / 1000,
                "dark": bool(dark[frame]),
                "class": episode.classes[label],
                "probability": track.probabilities[frame, label],
                "x": track.position[frame, 0],
                "y": track.position[frame, 1],
                "presence": None
                if track.presence is None
                else PRESENCE_NAMES[track.presence[frame]],
                "hidden_probability": track.unseen[frame],
                "synops": None if track.synops is None else track.synops[frame],
            }
