"""Heads that take the position from tracks."""

import pytest
import torch

from neurosvt.nn.heads import Belief
from neurosvt.nn.track_heads import ChosenBelief, TrackHeads, offered
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
        heads.chosen.bias.copy_(100 * torch.eye(len(heads.chosen.bias))[which])
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
    share = taught.choice_logits.flatten(-2).softmax(-1)[..., None]
    mean = (share * taught.offered.flatten(-3, -2)).sum(-2)
    torch.testing.assert_close(mean[asked], said.position[asked])
    tracks = FittedLine.of(memory[..., CHANNELS:].unflatten(-1, (J, TRACK_NUMBERS)))
    torch.testing.assert_close(taught.offered[asked], offered(tracks)[asked])


def test_what_tracks_get_wrong_is_added(memory):
    many = CHANNELS + J * TRACK_NUMBERS
    heads = TrackHeads(many, 16, C, strengths=2, by_group=True, tracks=J, choice=6, corrects=True)
    with torch.no_grad():
        heads.answer.weight.zero_()
        heads.answer.bias.zero_()
    tracks = FittedLine.of(memory[..., CHANNELS:].unflatten(-1, (J, TRACK_NUMBERS)))
    rest, gone = offered(tracks).unbind(-3)
    velocity, age = tracks.velocity[..., 0, :], tracks.age[..., 0, None]
    heading = velocity / (velocity.square().sum(-1, keepdim=True) + 0.05**2).sqrt()
    still, turned = torch.tensor([1.0, -2.0]) / 32, torch.tensor([3.0, 0.5]) / 32
    wanted = turned * age + 4 / 16 * (gone - rest)[..., 0, :] + 2 / 32 * heading
    for which, moves in ((0, 0.0), (J, wanted)):
        with torch.no_grad():
            heads.answer.bias[-6:] = 0
            bare = chosen(heads, which)(memory).position
            heads.answer.bias[-6:] = torch.tensor([1.0, -2.0, 3.0, 0.5, 4.0, 2.0])
            more = chosen(heads, which)(memory).position - bare
        torch.testing.assert_close(more, (still + moves).expand(T, B, 2), atol=1e-5, rtol=1e-4)


def test_corrections_know_how_far_apart_the_offers_lie(memory):
    many = CHANNELS + J * TRACK_NUMBERS
    heads = TrackHeads(many, 16, C, strengths=2, by_group=True, tracks=J, choice=6, corrects=True)
    chosen(heads, 0)
    with torch.no_grad():
        for layer in (heads.hidden, heads.answer):
            layer.weight.zero_()
            layer.bias.zero_()
        told = heads.choose.in_features
        heads.hidden.weight[0, told + 2] = 1  # x of the second offer, from that of the first
        heads.answer.weight[-6, 0] = 1
    x = offered(FittedLine.of(memory[..., CHANNELS:].unflatten(-1, (J, TRACK_NUMBERS))))[
        ..., 0, :, 0
    ]
    apart = (16 * (x[..., 1] - x[..., 0])).clamp(-3, 3)
    wanted = x[..., 0] + torch.nn.functional.gelu(apart) / 32
    torch.testing.assert_close(heads(memory).position[..., 0], wanted, atol=1e-5, rtol=1e-5)


def test_what_rests_may_have_been_carried_along_by_what_a_track_follows(memory):
    many = CHANNELS + J * TRACK_NUMBERS
    heads = TrackHeads(many, 16, C, strengths=2, by_group=True, tracks=J, choice=6, carries=True)
    memory[..., CHANNELS + 5] = 100  # towards the right, and nowhere else
    chosen(heads, 2 * J)  # carried by the first
    with torch.no_grad():
        heads.chosen.bias[-J:] = torch.tensor([-20.0, 20.0])  # it was last seen at the second
    right_of_it = torch.tensor([-0.3 + 0.5, -0.25 + 0.5]).expand(T, B, 2)
    torch.testing.assert_close(heads(memory).position, right_of_it, atol=1e-5, rtol=1e-5)
    memory[..., CHANNELS + 5] = 0  # what carries has no heading: nothing was carried
    at_rest = torch.tensor([0.75, 0.25]).expand(T, B, 2)
    torch.testing.assert_close(heads(memory).position, at_rest, atol=1e-5, rtol=1e-5)
