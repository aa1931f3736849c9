"""What the demo says at the end of a recording."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurosvt.demo.belief_rows import belief_rows
from neurosvt.demo.page import BeliefTrack
from neurosvt.demo.show import Demo, last_words
from neurosvt.presence import PRESENCE_NAMES, Presence
from tests.demo.test_page import episode

SAID = {
    Presence.NOTHING: "nothing",
    Presence.IN_VIEW: "class 1 at (2, 4)",
    Presence.HIDDEN: "class 1 at (2, 4)",
    Presence.GONE: "gone across the edge",
    Presence.STRANGER: "none of its classes",
}


@pytest.mark.parametrize("kind", list(Presence))
def test_class_and_place_are_told_where_they_mean_something(kind):
    track = BeliefTrack(
        "leaky", np.tile([0.1, 0.8, 0.1], (9, 1)), np.full((9, 2), 0.5), np.zeros(9),
        presence=np.full(9, kind),
    )  # fmt: skip
    shown = replace(episode(9, 8, 4), classes=("class 0", "class 1", "class 2"), beliefs=(track,))
    (line,) = last_words(Demo(Path("page"), (shown,)))
    assert line.endswith(f"dark frames {SAID[kind]}")
    assert {row["presence"] for row in belief_rows(shown)} == {PRESENCE_NAMES[kind]}
