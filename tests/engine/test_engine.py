"""The engine is the model: the same spikes, the same charge, the same account of the work."""

import threading
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves

from neurosvt.config import UserError
from neurosvt.energy import Meter
from neurosvt.engine import Engine
from neurosvt.engine.library import engine_library
from neurosvt.events.recording import EVENT, pack_events
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.memory import StepwiseMemory
from neurosvt.nn.readout import ReadoutConfig

needs_engine = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")

GATED = LeakyMemoryConfig(channels=12, write_gates=3, looks_back=True)
FOLLOWING = replace(GATED, forget_range=(0.1, 0.8), tracks=2)
TRACKS = {"memory": FOLLOWING, "readout": ReadoutConfig(width=8, strengths=3, by_group=True)}
FORMS = {
    "leaky": {"memory": "leaky"},
    "gated": {"memory": GATED, "least_neighbours": 1},
    "two leaks": {"memory": replace(GATED, forget_range=(0.1, 0.8))},
    "tracks": TRACKS,
    "deep heads of tracks": TRACKS | {"readout": ReadoutConfig(width=40, depth=2, choice=24)},
    "tracks that are corrected": TRACKS | {"readout": ReadoutConfig(width=8, corrects=True)},
    "tracks that carry": TRACKS | {"readout": ReadoutConfig(width=8, carries=True)},
    "tracks that do both": TRACKS | {"readout": ReadoutConfig(8, carries=True, corrects=True)},
    "lif": {"memory": "lif"},
    "none": {"memory": "none"},
    "wide": {"memory": GATED, "width": 72, "heads": 3, "mlp_ratio": 2.0, "depth": 1},
    "heads of 64": {"memory": "leaky", "width": 128, "heads": 2, "depth": 1},
}
KINDS = pytest.mark.parametrize("kind", [{}, TRACKS], ids=["channels", "tracks"])
"""What the engine promises of a memory, it promises of tracks."""


def assert_same(one, two):
    for a, b in zip(tree_leaves(tuple(one)), tree_leaves(tuple(two)), strict=True):
        assert torch.equal(a, b), f"differs by up to {(a - b).abs().max()}"


@needs_engine
@pytest.mark.parametrize("form", FORMS)
def test_spikes_and_charge_are_those_of_the_model_on_its_grid(form, make, events, run, level):
    model = make(grid=True, **FORMS[form])
    frames = events(steps=30, batch=3, share=0.06)
    frames[12:15] = False
    right = run(model, frames)
    belief, state = Engine(model)(frames)
    assert_same(state, right.state)
    assert right.charge.any()
    for one, two in zip(belief, right.belief, strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=1e-5)


@needs_engine
@pytest.mark.parametrize("weights", ["int16", "int8"])
@pytest.mark.parametrize("memory", ["leaky", FOLLOWING], ids=["channels", "tracks"])
def test_heads_that_read_by_group_are_those_of_the_model(make, events, run, weights, memory):
    readout = ReadoutConfig(width=24, strengths=4, by_group=True)
    model = make(grid=True, memory=memory, readout=readout)
    frames = events(steps=20, batch=2, share=0.08)
    belief, _ = Engine(model, weights=weights)(frames)
    for one, two in zip(belief, run(model, frames).belief, strict=True):
        if weights == "int8":  # of which a spike may come or not, for a rounded weight
            assert (one - two).abs().median() < 0.05
        else:
            torch.testing.assert_close(one, two, atol=2e-5, rtol=1e-5)


@needs_engine
@KINDS
def test_heads_in_half_precision_are_read_as_they_are(kind, make, events, run, level):
    model = deepcopy(make(grid=True, **kind))
    with torch.no_grad():
        for weight in model.heads.parameters():
            weight.copy_(weight.half())
        column = model.heads.hidden.weight[:, 0]  # numbers of all sizes, the smallest among them
        column.copy_((2.0 ** torch.arange(-24, len(column) - 24)).clamp(max=8).half())
    frames = events(steps=20, batch=2, share=0.08)
    belief, _ = Engine(model)(frames)
    for one, two in zip(belief, run(model, frames).belief, strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=1e-5)


@needs_engine
@KINDS
def test_spikes_of_the_last_layer_are_those_of_the_model(kind, make, events, spikes_of):
    model = make(grid=True, **kind)
    frames = events(steps=20, batch=1, share=0.06)
    right = spikes_of(model, frames)[-1][:, 0]
    session = Engine(model).session()
    words = torch.zeros(model.tokens, 1, dtype=torch.long)
    session.c.spikes = words.data_ptr()
    for t, frame in enumerate(frames[:, 0]):
        session.push(frame)
        channel = torch.tensor([(d % 8) * 8 + d // 8 for d in range(16)])
        assert torch.equal((words >> channel & 1).float(), right[t])
    assert right.any()


@needs_engine
@KINDS
@given(cut=st.integers(1, 11))
def test_a_film_may_be_cut_anywhere(kind, make, events, cut):
    engine, frames = Engine(make(grid=True, **kind)), events(share=0.08)
    whole, right = engine(frames)
    first, state = engine(frames[:cut])
    rest, state = engine(frames[cut:], state)
    assert_same(state, right)
    for a, b, both in zip(first, rest, whole, strict=True):
        assert torch.equal(torch.cat([a, b]), both)


@needs_engine
@pytest.mark.parametrize("grid", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_it_counts_what_the_meter_counts(form, grid, make, events):
    model = make(grid=grid, **FORMS[form])
    session, state = Engine(model, weights="int16" if grid else "float32").session(), None
    for frame in events(steps=12, batch=1, share=0.07).unsqueeze(1):
        meter = Meter(model, batch_axes=2)
        with torch.no_grad(), meter:
            _, state = model(frame, state)
        belief = session.push(frame[0, 0])
        assert belief.layers == {name: done for name, done in meter.layers.items() if done}
        assert belief.operations == meter.total
    assert session.operations.acs


@needs_engine
@KINDS
def test_a_model_as_it_is_parts_only_within_a_hair_of_a_threshold(kind, make, events, run):
    model = make(**kind)  # its norms are not folded, its weights on no grid
    frames = events(steps=40, batch=2, share=0.06)
    right = run(model, frames)
    _, state = Engine(model, weights="float32")(frames)
    for one, two in zip(tree_leaves(tuple(state)), tree_leaves(tuple(right.state)), strict=True):
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)


@needs_engine
@KINDS
def test_eight_bits_are_near(kind, make, events):
    model = make(grid=True, **kind)
    frames = events(steps=40, batch=4, share=0.08)
    exact, near = Engine(model)(frames)[1], Engine(model, weights="int8")(frames)[1]
    assert not torch.equal(near.memory, exact.memory)
    gap = (near.memory - exact.memory).norm() / exact.memory.norm()
    assert gap < 0.5


def recording(frame):
    """A frame's events as a camera gives them, some twice."""
    p, y, x = frame.nonzero(as_tuple=True)
    twice = [np.concatenate([axis, axis[:3]]) for axis in (x.numpy(), y.numpy(), p.numpy())]
    return pack_events(np.zeros(len(twice[0]), np.int64), *twice)


@KINDS
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_events_and_frames_say_the_same(backend, kind, make, events):
    engine = Engine(make(grid=True, **kind), backend=backend)
    one, two = engine.session(), engine.session()
    for frame in events(steps=6, batch=1, share=0.08)[:, 0]:
        a, b = one.push(frame), two.push(recording(frame))
        assert np.array_equal(a.answer, b.answer)
        assert a.layers == b.layers
    assert_same(one.state(), two.state())
    assert one.steps == 6


@KINDS
def test_the_torch_session_is_the_same_session(kind, make, events):
    model = make(grid=True, **kind)
    slow, fast = Engine(model, backend="torch"), Engine(model)
    one, two = slow.session(), fast.session()
    for frame in [*events(steps=5, batch=1, share=0.08)[:, 0], None]:
        a, b = one.push(frame), two.push(frame)
        np.testing.assert_allclose(a.answer, b.answer, atol=2e-5)
        assert (a.label, a.hidden) == (b.label, b.hidden)
        assert a.layers == b.layers
    assert_same(one.state(), two.state())
    assert one.layers == two.layers
    assert slow.backend == "torch"


@KINDS
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_session_goes_on_from_any_state(backend, kind, make, events):
    model = make(grid=True, **kind)
    engine = Engine(model, backend=backend)
    frames = events(steps=8, batch=1, share=0.08)[:, 0]
    whole, first = engine.session(), engine.session()
    for frame in frames[:5]:
        whole.push(frame)
        first.push(frame, asked=False)
    kept = first.state()
    for frame in frames:  # what comes later does not reach into what was kept
        first.push(frame)
    second = engine.session(kept)
    first.restore(kept)
    for frame in frames[5:]:
        right = whole.push(frame)
        for session in (first, second):
            assert np.array_equal(session.push(frame).answer, right.answer)
    assert_same(second.state(), whole.state())


@needs_engine
@KINDS
def test_silence_is_silent_and_asks_nothing_of_the_heads(kind, make):
    session = Engine(make(grid=True, **kind)).session()
    assert session.push(asked=False) is None
    assert set(session.layers) == {"memory", *(["memory.lines"] if kind else [])}
    assert session.push(np.empty(0, EVENT)).operations.acs == 0


@needs_engine
@KINDS
def test_cameras_side_by_side_are_cameras_one_by_one(kind, make, events):
    engine = Engine(make(grid=True, **kind))
    frames = events(steps=4, batch=5, share=0.08)
    together = [engine.session() for _ in range(5)]
    alone = [engine.session() for _ in range(5)]
    for step in frames:
        seen = [recording(frame) for frame in step]
        seen[2] = None
        said = engine.push_all(together, seen)
        for belief, session, own in zip(said, alone, seen, strict=True):
            right = session.push(own)
            assert np.array_equal(belief.answer, right.answer)
            assert belief.layers == right.layers
    assert engine.push_all(together, seen, asked=False) == [None] * 5


@needs_engine
@KINDS
def test_sessions_in_threads_do_not_meet(kind, make, events):
    engine = Engine(make(grid=True, **kind))
    films = [events(steps=40, batch=1, share=0.08, seed=i)[:, 0] for i in range(4)]
    found = {}

    def watch(i):
        session = engine.session()
        for frame in films[i]:
            session.push(frame)
        found[i] = session.state()

    threads = [threading.Thread(target=watch, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, film in enumerate(films):
        assert_same(found[i], engine(film[:, None])[1])


@needs_engine
def test_noise_has_the_strength_that_was_asked_for(make):
    engine = Engine(make(grid=True))
    model = engine.model
    tau = model.memory.tau()
    steps, sessions = 300, 200
    dark = torch.zeros(steps, sessions, 2, 16, 16, dtype=torch.bool)
    _, state = engine(dark, state_noise=0.1)
    decay = 1 - 1 / tau
    right = 0.1 * ((1 - decay ** (2 * steps)) / (1 - decay.square())).sqrt()
    found = state.memory.std(0)
    torch.testing.assert_close(found, right, rtol=0.25, atol=0)
    assert abs((found / right).mean() - 1) < 0.05
    assert state.memory.mean().abs() < 0.1
    _, again = engine(dark[:3], state_noise=0.1)
    assert not torch.equal(again.memory[0], again.memory[1])


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (pack_events([0], [16], [0], [1]), "off the sensor of 16 x 16"),
        (torch.zeros(2, 8, 8, dtype=torch.bool), r"frame \(2, 16, 16\)"),
        (np.zeros((2, 16, 16), complex), "complex128"),
        (torch.full((2, 16, 16), 0.5), "binary"),
        ([1, 2], "list"),
    ],
)
@KINDS
def test_what_is_no_step_is_refused_and_nothing_has_happened(
    backend, kind, seen, word, make, events
):
    session = Engine(make(grid=True, **kind), backend=backend).session()
    session.push(events(steps=1, batch=1, share=0.1)[0, 0])
    before = session.state()
    with pytest.raises(ValueError, match=word):
        session.push(seen)
    assert_same(session.state(), before)
    assert session.steps == 1


@needs_engine
def test_cameras_that_do_not_belong_are_refused(make):
    engine, other = Engine(make(grid=True)), Engine(make(grid=True))
    session = engine.session()
    for sessions, seen, word in [
        ([session], [None, None], "events for 2"),
        ([session, session], [None, None], "twice"),
        ([other.session()], [None], "another engine"),
        ([session], [np.zeros(3)], "dtype EVENT"),
    ]:
        with pytest.raises(ValueError, match=word):
            engine.push_all(sessions, seen)
    with pytest.raises(ValueError, match="of another model"):
        session.restore(make(grid=True, width=32).start(1))
    with pytest.raises(ValueError, match="batch of 2"):
        session.restore(engine.model.start(2))


class OwnMemory(StepwiseMemory):
    """A memory that the C++ does not have."""

    def update(self, state, said, step):
        return state * 0.5 + said


@needs_engine
def test_parts_of_ones_own_run_on_pytorch_and_are_refused_by_name_otherwise(make):
    config = make().config
    model = NeuroSVT(config, memory=OwnMemory(config.grid, config.width, 12)).eval()
    assert Engine(model).backend == "torch"
    with pytest.raises(UserError, match="no OwnMemory"):
        Engine(model, backend="native")
    for options, word in [
        ({"weights": "int4"}, "int4"), ({"backend": "cuda"}, "cuda"), ({"frame_ms": -1.0}, "-1"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=word):
            Engine(make(), **options)
    with pytest.raises(UserError, match="Linear"):
        Engine(torch.nn.Linear(1, 1))


@needs_engine
@KINDS
def test_frames_of_another_length_are_those_of_the_model(kind, make, events):
    model, frames = make(grid=True, **kind), events(share=0.08)
    with torch.no_grad():
        _, right = model(frames, frame_ms=5.0)
    assert_same(Engine(model, frame_ms=5.0)(frames)[1], right)


@needs_engine
@KINDS
def test_an_engine_does_not_follow_its_model(kind, make, events):
    model = make(warmed=False, **kind).on_grid()
    engine, frames = Engine(model), events(share=0.08)
    before = engine(frames)[0]
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert_same(engine(frames)[0], before)


def test_events_of_an_equal_type_are_events(make, events):
    """What another library or a pickle hands over has a type of its own, equal to ours."""
    engine = Engine(make("leaky", grid=True))
    seen = pack_events(np.arange(40), np.arange(40) % 16, np.arange(40) % 7, np.arange(40) % 2)
    like = seen.view(np.dtype(EVENT.descr))
    assert like.dtype is not EVENT
    one, two = engine.session(), engine.session()
    first, second = one.push(seen), two.push(like)
    assert np.array_equal(first.position, second.position)
    assert one.steps == two.steps == 1
