from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.presence import Presence
from neurosvt.training.losses import BeliefLoss, BeliefObjective, Truth, step_weights

T, B, C = 7, 3, 5


@pytest.fixture
def truth():
    hidden = torch.zeros(T, B, dtype=torch.bool)
    hidden[3:6] = True
    label = torch.tensor([0, 4, 2]).expand(T, B)
    return Truth(label, torch.rand(T, B, 2), hidden, torch.ones_like(hidden))


def perfect(truth, sure=50.0):
    """What a model says that knows everything."""
    logits = sure * torch.nn.functional.one_hot(truth.label, C).float()
    unseen = sure * (2 * truth.hidden.float() - 1)
    return SimpleNamespace(
        class_logits=logits, position=truth.position.clone(), unseen_logit=unseen
    )


@given(
    steps=st.integers(1, 33),
    batch=st.integers(1, 7),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_sequences_weigh_the_same_half_of_it_for_what_is_hidden(steps, batch, share, seed):
    hidden = torch.rand(steps, batch, generator=torch.Generator().manual_seed(seed)) < share
    weight = step_weights(hidden, torch.ones_like(hidden))
    assert weight.sum(0).tolist() == pytest.approx([1 / batch] * batch, rel=1e-4)
    assert (weight > 0).all()
    for w, h in zip(weight.T, hidden.T, strict=True):
        if h.any() and not h.all():
            assert w[h].sum().item() == pytest.approx(0.5 / batch, rel=1e-4)
            assert w[h].unique().numel() == w[~h].unique().numel() == 1


def test_a_long_darkness_does_not_drown_what_was_seen(truth):
    """Ten times as many hidden steps, each as wrong as before, cost the same."""

    def cost(dark):
        steps = 4 + dark
        hidden = torch.arange(steps)[:, None].expand(steps, B) >= 4
        position, label = torch.full((steps, B, 2), 0.5), truth.label[:1].expand(steps, B)
        logits = torch.zeros(steps, B, C)
        belief = SimpleNamespace(
            class_logits=logits, position=position + 0.3, unseen_logit=torch.zeros(steps, B)
        )
        return torch.stack(BeliefLoss()(belief, Truth(label, position, hidden, hidden | True)))

    torch.testing.assert_close(cost(10), cost(100))


def test_steps_of_which_nothing_is_asked_cost_and_teach_nothing(truth):
    asked = truth.asked.clone()
    asked[:2], asked[5:, 1] = False, False
    told = truth._replace(asked=asked)
    wrong = perfect(truth)
    wrong.class_logits = torch.where(asked[..., None], wrong.class_logits, -wrong.class_logits)
    wrong.position = torch.where(asked[..., None], wrong.position, wrong.position + 0.5)
    for part in BeliefLoss()(wrong, told):
        assert part.item() == pytest.approx(0, abs=1e-6)
    weight = step_weights(truth.hidden, asked)
    assert weight.sum().item() == pytest.approx(1, rel=1e-5)
    assert weight[truth.hidden].sum().item() == pytest.approx(0.5, rel=1e-5)


def test_hidden_steps_can_be_left_out(truth):
    belief = perfect(truth)
    belief.position = torch.where(truth.hidden[..., None], belief.position + 0.5, belief.position)
    presence = torch.where(truth.hidden, Presence.HIDDEN, Presence.IN_VIEW)
    frames = torch.zeros(T, B)
    batch = (frames, truth.label, truth.position, presence, truth.asked, truth.asked)
    assert BeliefObjective().loss(belief, batch).position > 0.5
    assert BeliefObjective(hidden_steps=False).loss(belief, batch).position.item() == pytest.approx(
        0, abs=1e-6
    )


def test_a_perfect_belief_costs_nothing(truth):
    for part in BeliefLoss()(perfect(truth), truth):
        assert part.item() == pytest.approx(0, abs=1e-6)


def test_knowing_nothing_costs_what_theory_says(truth):
    belief = perfect(truth, sure=0.0)
    label, position, unseen = BeliefLoss(unseen_weight=1.0)(belief, truth)
    assert label.item() == pytest.approx(torch.tensor(float(C)).log().item(), rel=1e-5)
    assert position.item() == 0
    assert unseen.item() == pytest.approx(torch.tensor(2.0).log().item(), rel=1e-5)


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
    once = BeliefLoss(position_weight=1.0, unseen_weight=1.0)(belief, truth)
    more = BeliefLoss(position_weight=3.0, unseen_weight=0.5)(belief, truth)
    torch.testing.assert_close(torch.stack(more), torch.stack(once) * torch.tensor([1.0, 3.0, 0.5]))


def test_every_step_teaches_the_hidden_ones_included(truth):
    belief = SimpleNamespace(
        class_logits=torch.zeros(T, B, C, requires_grad=True),
        position=torch.zeros(T, B, 2, requires_grad=True),
        unseen_logit=torch.zeros(T, B, requires_grad=True),
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
    weight = step_weights(truth.hidden, truth.asked)[2, 1].item()
    assert doubt == pytest.approx(weight * torch.tensor(float(C)).log().item(), rel=1e-4)
