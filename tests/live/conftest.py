"""A small engine, and sources that give what a test says."""

import numpy as np
import pytest

from neurosvt.engine import Engine
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats.recordings import open_recording
from neurosvt.live.played import RecordingSource
from neurosvt.live.source import LiveSource


@pytest.fixture(scope="session")
def engine(make):
    """Runs a model of 16 x 16 pixels, on its grid."""
    return Engine(make("leaky"))


@pytest.fixture(scope="session")
def cup():
    """cup(events, span_us, side): a recording of so many events."""

    def record(events=600, span_us=300_000, side=16, seed=0):
        rng = np.random.default_rng(seed)
        made = np.zeros(events, EVENT)
        made["t"] = 10**6 + np.sort(rng.integers(0, span_us, events))
        made["x"], made["y"] = rng.integers(0, side, (2, events))
        made["p"] = rng.random(events) < 0.5
        return Recording(made, side, side, name="cup")

    return record


@pytest.fixture
def source_of():
    """source_of(recording): a source that reads it once."""

    def open_it(recording):
        with open_recording(recording) as opened:
            return RecordingSource(opened)

    return open_it


class Pieces(LiveSource):
    """Gives the chunks of a list as a live source does; what is a function is called, and what it
    returns comes next."""

    live, waits = True, False

    def __init__(self, pieces, side=16):
        super().__init__("pieces", (side, side))
        self.pieces = pieces

    def chunks(self):
        for piece in self.pieces:
            yield piece() if callable(piece) else piece


@pytest.fixture(scope="session")
def pieces():
    """pieces(list): a live source."""
    return Pieces
