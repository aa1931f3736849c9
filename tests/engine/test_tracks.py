"""Tracks in the engine: what is theirs alone. What they share with channels, `test_engine` asks."""

import pytest
import torch

from neurosvt.engine import Engine
from neurosvt.engine.library import engine_library
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.ops.tracks import THRESHOLDS, TRACK_NUMBERS, UNIT_STEPS

pytestmark = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")

MEMORY = LeakyMemoryConfig(channels=12, write_gates=3, tracks=2, forget_range=(0.1, 0.8))


def tracks_of(state):
    """(B, J, 8)."""
    return state.memory[:, MEMORY.channels :].unflatten(-1, (-1, TRACK_NUMBERS))


@pytest.mark.parametrize("frame_ms", [10.0, 5.0])
def test_in_the_dark_a_track_grows_older_and_nothing_else(make, events, frame_ms):
    model = make(grid=True, memory=MEMORY)
    engine = Engine(model, frame_ms=frame_ms)
    frames = events(steps=20, batch=1, share=0.08)
    before = engine(frames)[1]
    session = engine.session(before)
    for _ in range(30):
        assert session.push(asked=False) is None
    assert set(session.layers) == {"memory", "memory.lines"}
    assert session.operations.acs == 0
    one, two = tracks_of(before), tracks_of(session.state())
    assert torch.equal(one[..., :7], two[..., :7])
    aged = torch.full((1, 2), 30 * frame_ms / model.config.frame_ms / UNIT_STEPS)
    torch.testing.assert_close(two[..., 7] - one[..., 7], aged)
    assert one[..., 0].all()


def test_a_track_that_holds_nothing_has_no_age(make):
    session = Engine(make(grid=True, memory=MEMORY)).session()
    for _ in range(5):
        session.push(asked=False)
    assert not session.state().memory.any()


@pytest.mark.parametrize(
    "votes", [{"patch_size": 2, "kernel_size": 4}, {"kernel_size": 4}], ids=str
)
def test_votes_of_patches_of_any_size_are_those_of_the_model(make, events, run, votes):
    model = make(grid=True, memory=MEMORY, **votes)
    frames = events(steps=20, batch=2, share=0.06)
    right = run(model, frames)
    _, state = Engine(model)(frames)
    assert torch.equal(state.memory, right.state.memory)
    assert tracks_of(state)[..., 3:5].all()


def test_patches_whose_side_is_no_power_of_two_vote_as_exactly(make, run):
    # Warmed by hand: the frames that others are warmed with are of another size.
    model = make(warmed=False, memory=MEMORY, image_size=18, patch_size=6, kernel_size=10).on_grid()
    with torch.no_grad():
        model.embed.project.weight.mul_(4)
    frames = torch.rand(20, 2, 2, 18, 18) < 0.1
    right = run(model, frames)
    _, state = Engine(model)(frames)
    assert torch.equal(state.memory, right.state.memory)
    assert tracks_of(state)[..., 3:5].all()


def test_noise_on_tracks_is_told_in_their_thresholds(make):
    engine = Engine(make(grid=True, memory=MEMORY))
    steps, sessions = 100, 400
    dark = torch.zeros(steps, sessions, 2, 16, 16, dtype=torch.bool)
    found = tracks_of(engine(dark, state_noise=0.1)[1])
    right = 0.1 * steps**0.5 * torch.tensor(THRESHOLDS)
    spread = found[..., :7].std(0) / right
    torch.testing.assert_close(spread, torch.ones(2, 7), rtol=0.2, atol=0)
    assert (found[..., :7].mean(0) / right).abs().max() < 0.3
    torch.testing.assert_close(found[..., 7], torch.full((sessions, 2), (steps - 1) / UNIT_STEPS))


def test_heads_that_do_not_choose_read_tracks_as_channels(make, events, run):
    like = make(grid=True, memory=MEMORY)
    model = NeuroSVT(like.config, heads=Heads(like.memory.channels, 8, 3)).eval().on_grid()
    frames = events(steps=20, batch=2, share=0.08)
    weights = {k: v for k, v in like.state_dict().items() if not k.startswith("heads")}
    model.load_state_dict(weights, strict=False)
    belief, _ = Engine(model, backend="native")(frames)
    for one, two in zip(belief, run(model, frames).belief, strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("carries", [False, True])
def test_corrections_are_the_models(make, events, carries):
    readout = ReadoutConfig(width=8, corrects=True, carries=carries)
    model = make(grid=True, memory=MEMORY, readout=readout)
    frames = events(steps=20, batch=2, share=0.08)
    frames[14:] = False
    asked = model(frames)[0].position
    torch.testing.assert_close(Engine(model)(frames)[0].position, asked, rtol=1e-4, atol=1e-5)
    model.heads.answer.bias.data[-6:] = torch.tensor([1.0, 1.5, 2.0, -1.0, 3.0, 0.5])
    moved = model(frames)[0].position
    assert (moved - asked).abs().amax(-1).min() > 0.02
    torch.testing.assert_close(Engine(model)(frames)[0].position, moved, rtol=1e-4, atol=1e-5)
