"""Heads that take the position from tracks."""

import pytest
import torch

from neurosvt.nn.heads import Belief
from neurosvt.nn.track_heads import ChosenBelief, TrackHeads, offered
from neurosvt.nn.weights import load_weights
from neurosvt.ops.tracks import TRACK_NUMBERS, FittedLine
from neurosvt.presence import Presence

T, B, C, J, CHANNELS = 5, 3, 4, 2, 8


@pytest.fixture
def heads():
    many = CHANNELS + J * TRACK_NUMBERS
    return TrackHeads(many, 16, C, strengths=2, by_group=True, tracks=J, choice=6)


@pytest.fixture
def memory():
    """Charge and tracks: something that goes right, and something that rests."""
    tracks = torch.zeros(T, B, J, TRACK_NUMBERS)
    tracks[..., 0] = 1
    tracks[..., 0, 3:7] = torch.tensor([-0.3, 0.1, 0.2, 0.0])
    tracks[..., 1, 3:5] = torch.tensor([0.25, -0.25])
    tracks[..., 7] = torch.arange(T)[:, None, None]
    return torch.cat([torch.randn(T, B, CHANNELS), tracks.flatten(-2)], -1)


def chosen(heads, which):
    """The same heads, sure of one offer."""
    with torch.no_grad():
        heads.chosen.weight.zero_()
        heads.chosen.bias.copy_(100 * torch.eye(2 * J)[which])
    return heads.eval()


def test_a_track_offers_where_it_was_and_where_it_is_if_it_goes_on(heads, memory):
    def said(which):
        return chosen(heads, which)(memory).position[:, 0]

    age = torch.arange(T)
    torch.testing.assert_close(said(0), torch.tensor([[0.2, 0.6]]).expand(T, 2))
    on = torch.stack([(0.2 + 0.2 * age).clamp(max=1), torch.full((T,), 0.6)], -1)
    torch.testing.assert_close(said(J), on)  # and never beyond the sensor's edge
    resting = torch.tensor([[0.75, 0.25]]).expand(T, 2)
    torch.testing.assert_close(said(1), resting)
    torch.testing.assert_close(said(J + 1), resting)


def test_a_belief_says_in_training_what_its_position_was_chosen_among(heads, memory):
    asked = torch.rand(T, B) < 0.5
    taught, said = heads.train()(memory, asked), heads.eval()(memory)
    assert isinstance(taught, ChosenBelief)
    assert type(said) is Belief
    assert said.presence_logits.shape == (T, B, len(Presence))
    for one, other in zip(taught, said, strict=True):
        torch.testing.assert_close(one[asked], other[asked])
    share = taught.choice_logits.softmax(-1)[..., None]
    torch.testing.assert_close((share * taught.offered).sum(-2)[asked], said.position[asked])
    tracks = FittedLine.of(memory[..., CHANNELS:].unflatten(-1, (J, TRACK_NUMBERS)))
    torch.testing.assert_close(taught.offered[asked], offered(tracks)[asked])


def test_what_tracks_get_wrong_is_added_and_grows_with_what_goes_on(heads, memory):
    many = CHANNELS + J * TRACK_NUMBERS
    taught = TrackHeads(many, 16, C, strengths=2, by_group=True, tracks=J, choice=6, corrects=True)
    load_weights(taught, heads.state_dict(), "those that corrected nothing")
    for one, other in zip(chosen(taught, J + 1)(memory), chosen(heads, J + 1)(memory), strict=True):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        taught.answer.bias[-4:] = torch.tensor([0.01, -0.02, 0.1, 0.2])
    for which, speed in ((1, 0.0), (J + 1, 1.0)):
        more = chosen(taught, which)(memory).position - chosen(heads, which)(memory).position
        age = speed * torch.arange(T)[:, None, None]
        wrong = torch.tensor([0.01, -0.02]) + torch.tensor([0.1, 0.2]) * age
        torch.testing.assert_close(more, wrong.expand(T, B, 2), atol=1e-6, rtol=1e-5)
