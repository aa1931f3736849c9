"""Whether there is something to know of: what a model may say before it says what and where."""

from enum import IntEnum


class Presence(IntEnum):
    """What is known of an object's being there, at one step."""

    NOTHING = 0
    """Nothing has been seen yet: an empty scene, also while its light changes or a curtain
    passes."""
    IN_VIEW = 1
    """An object of the classes is in view, or a part of it."""
    HIDDEN = 2
    """An object of the classes is there, and nothing of it can be seen."""
    GONE = 3
    """It left across the sensor's edge, and no other has come since."""
    STRANGER = 4
    """What was seen is none of the classes; it is in view, or hidden."""


PRESENCE_NAMES: tuple[str, ...] = ("nothing", "in view", "hidden", "gone", "stranger")
"""What users read, by `Presence`."""

FORGOTTEN = 0.5
"""Probability of the most likely class below which what is hidden counts as forgotten: then it is
sooner any of the others."""


def presence_words(presence: str, forgotten: bool) -> str:
    """What people read.

    >>> presence_words("hidden", True)
    'hidden, forgotten'
    """
    return f"{presence}, forgotten" if forgotten else presence
