import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.nn.track_heads import ChosenBelief
from neurosvt.presence import Presence
from neurosvt.training.losses import BeliefLoss, BeliefObjective, Truth, step_weights

T, B, C = 7, 3, 5


@pytest.fixture
def truth():
    presence = torch.full((T, B), Presence.IN_VIEW)
    presence[3:6] = Presence.HIDDEN
    label = torch.tensor([0, 4, 2]).expand(T, B)
    always = torch.ones(T, B, dtype=torch.bool)
    return Truth(label, torch.rand(T, B, 2), presence, always, always)


def perfect(truth, sure=50.0):
    """What a model says that knows everything."""
    logits = sure * torch.nn.functional.one_hot(truth.label, C).float()
    presence = sure * torch.nn.functional.one_hot(truth.presence, len(Presence)).float()
    return SimpleNamespace(
        class_logits=logits, position=truth.position.clone(), presence_logits=presence
    )


@given(
    steps=st.integers(1, 33),
    batch=st.integers(1, 7),
    kinds=st.lists(st.sampled_from(Presence), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 99),
)
def test_sequences_weigh_the_same_and_within_each_every_kind_of_presence(steps, batch, kinds, seed):
    draw = torch.Generator().manual_seed(seed)
    presence = torch.tensor(kinds)[torch.randint(len(kinds), (steps, batch), generator=draw)]
    weight = step_weights(presence, torch.ones(steps, batch, dtype=torch.bool))
    assert weight.sum(0).tolist() == pytest.approx([1 / batch] * batch, rel=1e-4)
    assert (weight > 0).all()
    for w, kind in zip(weight.T, presence.T, strict=True):
        there = kind.unique()
        for one in there:
            assert w[kind == one].sum().item() == pytest.approx(1 / batch / len(there), rel=1e-4)
            assert w[kind == one].unique().numel() == 1


def test_a_long_darkness_does_not_drown_what_was_seen(truth):
    """Ten times as many hidden steps, each as wrong as before, cost the same."""

    def cost(dark):
        steps = 4 + dark
        dark = torch.arange(steps)[:, None].expand(steps, B) >= 4
        presence = torch.where(dark, Presence.HIDDEN, Presence.IN_VIEW)
        position, label = torch.full((steps, B, 2), 0.5), truth.label[:1].expand(steps, B)
        belief = SimpleNamespace(
            class_logits=torch.zeros(steps, B, C),
            position=position + 0.3,
            presence_logits=torch.zeros(steps, B, len(Presence)),
        )
        known = Truth(label, position, presence, dark | True, dark | True)
        return torch.stack(BeliefLoss()(belief, known))

    torch.testing.assert_close(cost(10), cost(100))


def test_steps_of_which_nothing_is_asked_cost_and_teach_nothing(truth):
    asked = truth.asked.clone()
    asked[:2], asked[5:, 1] = False, False
    told = truth._replace(asked=asked, within=asked)
    wrong = perfect(truth)
    wrong.presence_logits = torch.where(
        asked[..., None], wrong.presence_logits, -wrong.presence_logits
    )
    wrong.class_logits = torch.where(asked[..., None], wrong.class_logits, -wrong.class_logits)
    wrong.position = torch.where(asked[..., None], wrong.position, wrong.position + 0.5)
    for part in BeliefLoss()(wrong, told):
        assert part.item() == pytest.approx(0, abs=1e-6)
    weight = step_weights(truth.presence, asked)
    assert weight.sum().item() == pytest.approx(1, rel=1e-5)
    assert weight[truth.hidden].sum().item() == pytest.approx(0.5, rel=1e-5)


def test_hidden_steps_can_be_left_out(truth):
    belief = perfect(truth)
    belief.position = torch.where(truth.hidden[..., None], belief.position + 0.5, belief.position)
    batch = (torch.zeros(T, B), *truth)
    assert BeliefObjective().loss(belief, batch).position > 0.5
    assert BeliefObjective(hidden_steps=False).loss(belief, batch).position.item() == pytest.approx(
        0, abs=1e-6
    )


def test_a_perfect_belief_costs_nothing(truth):
    for part in BeliefLoss()(perfect(truth), truth):
        assert part.item() == pytest.approx(0, abs=1e-6)


def test_knowing_nothing_costs_what_theory_says(truth):
    belief = perfect(truth, sure=0.0)
    label, position, presence, *_ = BeliefLoss(presence_weight=1.0)(belief, truth)
    assert label.item() == pytest.approx(torch.tensor(float(C)).log().item(), rel=1e-5)
    assert position.item() == 0
    assert presence.item() == pytest.approx(torch.tensor(5.0).log().item(), rel=1e-5)


def test_presence_is_learnt_also_where_class_and_place_are_not_asked(truth):
    """Of a stranger there is nothing else to say."""
    strangers = truth._replace(
        presence=torch.full_like(truth.presence, Presence.STRANGER),
        asked=torch.zeros_like(truth.asked),
    )
    label, position, presence, *_ = BeliefLoss(presence_weight=1.0)(perfect(truth), strangers)
    assert label.item() == position.item() == 0
    assert presence.item() == pytest.approx(50, rel=1e-5)


def test_beyond_its_scale_a_place_error_costs_linearly(truth):
    loss = BeliefLoss(position_scale=0.125)

    def cost(error):
        belief = perfect(truth)
        belief.position[..., 0] += error
        return loss(belief, truth).position.item()

    assert cost(0.125) == pytest.approx(0.5, rel=1e-4)
    assert cost(0.0625) == pytest.approx(0.125, rel=1e-4)  # a parabola within
    far = [cost(0.125 * n) for n in (2, 3, 4)]
    assert far == pytest.approx([1.5, 2.5, 3.5], rel=1e-4)


def test_weights_of_the_parts_are_factors(truth):
    belief = perfect(truth, sure=1.0)
    belief.position += 0.1
    once = BeliefLoss(position_weight=1.0, presence_weight=1.0)(belief, truth)
    more = BeliefLoss(position_weight=3.0, presence_weight=0.5)(belief, truth)
    times = torch.tensor([1.0, 3.0, 0.5, 0.0, 0.0])  # nothing is chosen here
    torch.testing.assert_close(torch.stack(more), torch.stack(once) * times)


def test_a_choice_costs_as_little_as_a_likely_offer_is_near(truth):
    """Two offers: one is right, the other half a sensor away."""
    known = perfect(truth)

    def cost(logits, shift=0.0):
        belief = ChosenBelief(known.class_logits, known.position, known.presence_logits)
        apart = torch.tensor([[shift, 0.0], [0.5, 0.0]])
        belief.offered = truth.position[..., None, None, :] + apart[:, None]
        belief.choice_logits, belief.origin_logits = logits[..., None], None
        return BeliefLoss(choice_weight=0.3)(belief, truth).choice

    unsure = torch.zeros(T, B, 2, requires_grad=True)
    assert cost(unsure).item() == pytest.approx(0.3 * math.log(2), rel=0.01)
    (felt,) = torch.autograd.grad(cost(unsure), unsure)
    assert (felt[..., 0] < 0).all()
    assert (felt[..., 1] > 0).all()
    sure = torch.tensor([60.0, 0.0]).expand(T, B, 2)
    assert cost(sure).item() == pytest.approx(0, abs=1e-3)
    assert cost(sure, shift=0.03).item() == pytest.approx(0.3, rel=0.01)  # a nat for a length
    wrong = cost(-sure).item()
    assert wrong == pytest.approx(0.3 * math.log(1e3), rel=0.01)  # what nothing explains costs that


def test_where_it_was_last_in_view_is_taught_while_it_is_hidden(truth):
    """Two tracks: one rests where it was last in view, the other half a sensor away."""
    hidden = truth.presence.new_full((T, B), Presence.IN_VIEW)
    hidden[3:] = Presence.HIDDEN
    carried = truth._replace(presence=hidden)
    seen = carried.position[2].expand(T, B, 2)
    torch.testing.assert_close(carried.last_in_view()[3:], seen[3:])
    torch.testing.assert_close(carried.last_in_view()[:3], carried.position[:3])
    known = perfect(carried)

    def cost(odds):
        belief = ChosenBelief(known.class_logits, known.position, known.presence_logits)
        rest = seen[..., None, :] + torch.tensor([[0.0, 0.0], [0.5, 0.0]])
        belief.offered = torch.stack([rest, rest, rest], -3)
        belief.choice_logits = torch.zeros(T, B, 3, 2)
        belief.origin_logits = odds[..., None] * torch.tensor([0.5, -0.5])
        return BeliefLoss(choice_weight=1.0)(belief, carried).choice

    odds = torch.zeros(T, B, requires_grad=True)
    (felt,) = torch.autograd.grad(cost(odds), odds)
    assert torch.equal(felt < 0, carried.hidden & carried.asked)
    assert not felt[~carried.hidden].any()
    assert cost(odds + 60) < cost(odds) < cost(odds - 60)


def test_whether_it_moves_is_taught_at_every_step(truth):
    """Two offers: the first rests, the second goes on."""
    steps = torch.tensor([0.0, 0.0, 0.1, 0.1, 0.1, 0.0005, 0.0])  # how far it has moved since
    position = (0.2 + steps.cumsum(0))[:, None, None].expand(T, B, 2)
    moving = truth._replace(position=position)
    known = perfect(moving)

    def cost(odds):
        belief = ChosenBelief(known.class_logits, known.position, known.presence_logits)
        belief.offered = position[..., None, None, :].expand(T, B, 2, 1, 2)
        belief.choice_logits = torch.stack([torch.zeros_like(odds), odds], -1)[..., None]
        belief.origin_logits = None
        return BeliefLoss(motion_weight=1.0)(belief, moving).motion

    moves = steps > 0.01
    odds = torch.where(moves, 60.0, -60.0)[:, None].expand(T, B)
    assert cost(odds).item() == pytest.approx(0, abs=1e-6)
    assert cost(-odds).item() == pytest.approx(30, rel=1e-3)  # as doubted as the choice is
    unsure = torch.zeros(T, B, requires_grad=True)
    assert cost(unsure).item() == pytest.approx(math.log(2), rel=1e-3)
    (felt,) = torch.autograd.grad(cost(unsure), unsure)
    assert torch.equal(felt < 0, moves[:, None].expand(T, B))


def test_every_step_teaches_the_hidden_ones_included(truth):
    belief = SimpleNamespace(
        class_logits=torch.zeros(T, B, C, requires_grad=True),
        position=torch.zeros(T, B, 2, requires_grad=True),
        presence_logits=torch.zeros(T, B, len(Presence), requires_grad=True),
    )
    sum(BeliefLoss()(belief, truth)).backward()
    for said in vars(belief).values():
        felt = said.grad.abs().reshape(T, B, -1).sum(-1)
        assert (felt > 0).all()
        assert felt[truth.hidden].sum() > 0


def test_each_answer_is_held_against_its_own_sample_and_step(truth):
    belief = perfect(truth)
    belief.class_logits[2, 1] = 0  # one doubt
    doubt = BeliefLoss()(belief, truth).label.item()
    weight = step_weights(truth.presence, truth.asked)[2, 1].item()
    assert doubt == pytest.approx(weight * torch.tensor(float(C)).log().item(), rel=1e-4)
