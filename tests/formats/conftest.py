"""Recordings that are made up, and the ways to write and decode them."""

import tempfile

import numpy as np
import pytest

from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import FORMATS, npz, source


def _made_up(seed, count, sensor, *, span=10**6, start=0):
    """Events in order of time, among them rows of neighbours at one time, as edges make them."""
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["t"] = start + np.sort(rng.integers(0, max(span, 1), count))
    events["x"], events["y"] = (rng.integers(0, side, count) for side in sensor)
    events["p"] = rng.random(count) < 0.5
    for first in rng.integers(0, max(count - 20, 1), count // 15):
        length = min(int(rng.integers(2, 20)), count - first)
        part = events[first : first + length]
        for name in ("t", "y", "p"):
            part[name] = part[name][0]
        steps = np.cumsum(rng.integers(1, 4, length))
        part["x"] = np.minimum(int(rng.integers(0, sensor[0])) + steps, sensor[0] - 1)
    events["t"] = np.maximum.accumulate(events["t"])
    return Recording(events, *sensor)


def _written(name, recording):
    """The bytes of a recording in a format."""
    with tempfile.TemporaryFile() as stream:
        source = npz.Whole(recording.events, (recording.width, recording.height))
        FORMATS[name].write(stream, source)
        stream.seek(0)
        return stream.read()


def _decoded(name, data):
    """The events of a file's bytes, and its source."""
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        opened = FORMATS[name].open_source(stream)
        return np.concatenate([np.empty(0, EVENT), *opened.upright()]), opened


@pytest.fixture(scope="session")
def made_up():
    """made_up(seed, count, sensor, ...): a recording."""
    return _made_up


@pytest.fixture(scope="session")
def written():
    """written(format, recording): the bytes of a file."""
    return _written


@pytest.fixture(scope="session")
def decoded():
    """decoded(format, bytes): the events in a file, and its source once it is read."""
    return _decoded


@pytest.fixture(params=[True, False], ids=["kernels", "definition"])
def decoder(request, monkeypatch):
    """Both ways of decoding."""
    if not request.param:
        monkeypatch.setattr(source, "library", lambda: None)
    elif source.library() is None:
        pytest.skip("the kernels were not built")
    return request.param
