"""On recordings of real cameras the engine is the model on its grid, to the bit."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_leaves

from neurosvt import load
from neurosvt.datasets.nmnist import load_nmnist
from neurosvt.engine import Engine, compute_in
from neurosvt.engine.library import engine_library
from neurosvt.engine.plan import layer_names
from neurosvt.events.windows import TimeWindows
from neurosvt.formats.recordings import open_recording

pytestmark = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")

FRAMES = 100
"""Of a recording, at most."""
PATHS = {
    "object": "dvs128_objects/aedat/box_rec2.aedat",
    "pendulum": "dvs128_objects/aedat/misc_pendulo.aedat",
    "person": "dvs128_people/cam255_alex_standing_up.aedat",
}
CASES = [
    ("permanence", "object", 10.0),
    ("permanence", "object", 1.0),
    ("permanence", "pendulum", 10.0),
    ("permanence", "person", 10.0),
    ("nmnist", "digit", 10.0),
    ("nmnist_lif", "digit", 10.0),
    ("nmnist_none", "digit", 10.0),
]
"""Shipped model, what it sees, and milliseconds of a frame."""


def windows_of(root, shown, side, ms):
    """Events of a recording's first windows, on the square that the model sees."""
    try:
        what = load_nmnist("test", root)[0] if shown == "digit" else root / PATHS[shown]
        with open_recording(what) as opened:
            return list(islice(opened.windows(TimeWindows(round(1000 * ms)), side), FRAMES))
    except FileNotFoundError as error:
        pytest.skip(f"a recording is not at hand: {error}")


def frames_of(windows, side):
    return torch.from_numpy(np.stack([window.frame(side) for window in windows]))


def assert_same(one, two):
    for a, b in zip(tree_leaves(tuple(one)), tree_leaves(tuple(two)), strict=True):
        assert torch.equal(a, b)


def every_spike(spikes):
    """(tokens, words) words of spikes as (tokens, channels) numbers."""
    bits = torch.arange(64)
    own = spikes[..., None] >> bits & 1
    return own[..., (bits % 8) * 8 + bits // 8].flatten(1).float()


@pytest.mark.parametrize(("name", "shown", "ms"), CASES)
def test_every_step_of_a_recording_is_that_of_the_model(name, shown, ms, data_root, run, spikes_of):
    model = load(name).model.on_grid()
    side = model.config.image_size
    windows = windows_of(data_root, shown, side, ms)
    frames = frames_of(windows, side)[:, None]
    right = run(model, frames, frame_ms=ms)
    layers = spikes_of(model, frames, frame_ms=ms)
    names = [one for one in layer_names(model) if one.rpartition(".")[-1].startswith("fire")]

    session = Engine(model, frame_ms=ms).session()
    words = torch.zeros(model.tokens, model.config.width // 64, dtype=torch.long)
    session.c.spikes = words.data_ptr()
    for t, window in enumerate(windows):
        done = session.push(window.events).layers
        assert torch.equal(every_spike(words), layers[-1][t, 0]), f"step {t}"
        assert torch.equal(session._charge[: right.charge.shape[-1]], right.charge[t, 0])
        for one, spikes in zip(names, layers, strict=True):
            assert (done[one].spikes if one in done else 0) == spikes[t].sum(), f"{one}, step {t}"
    assert_same(session.state(), right.state)
    assert layers[-1].any()


def test_recordings_side_by_side_and_in_chunks_are_each_alone(data_root):
    engine = Engine(load("permanence").model)
    films = [windows_of(data_root, shown, engine.sensor, 10.0) for shown in PATHS]
    frames = torch.stack([frames_of(windows, engine.sensor) for windows in films], 1)
    first, state = engine(frames[:37])
    rest, state = engine(frames[37:], state)
    together = torch.cat([first.class_logits, rest.class_logits])
    for i, windows in enumerate(films):
        session = engine.session()
        alone = [session.push(window.events).class_logits for window in windows]
        assert np.array_equal(together[:, i].numpy(), np.stack(alone))
        assert_same(session.state(), state.map(lambda x, i=i: x[i : i + 1]))


@pytest.mark.parametrize("shown", PATHS)
def test_every_instruction_set_sees_the_same_in_a_recording(shown, data_root, level):
    engine = Engine(load("permanence").model)
    windows = windows_of(data_root, shown, engine.sensor, 10.0)
    one, plain = engine.session(), engine.session()
    for window in windows:
        one.push(window.events)
    compute_in("plain")
    for window in windows:
        plain.push(window.events)
    assert_same(one.state(), plain.state())
    assert one.layers == plain.layers
