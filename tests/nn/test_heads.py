"""What the heads say where they are asked, and where they are not."""

import inspect

import pytest
import torch

from neurosvt.nn.heads import BEYOND_CLASSES, Heads
from neurosvt.nn.weights import load_weights
from neurosvt.presence import Presence


def test_heads_say_the_same_of_some_steps_as_of_all():
    heads = Heads(8, 16, 3, depth=2, strengths=2)
    charge = torch.randn(7, 4, 8, requires_grad=True)
    asked = torch.rand(7, 4) < 0.5

    def picked(belief):
        return [part[asked] for part in belief]

    def gradient(parts):
        return torch.autograd.grad(sum(part.square().sum() for part in parts), charge)[0]

    whole, some = picked(heads(charge)), picked(heads(charge, asked))
    torch.testing.assert_close(some, whole)
    torch.testing.assert_close(gradient(some), gradient(whole))


def test_heads_that_are_asked_nothing_say_something_of_the_right_shape():
    belief = Heads(8, 16, 3)(torch.randn(2, 4, 8), torch.zeros(2, 4, dtype=torch.bool))
    assert belief.class_logits.shape == (2, 4, 3)
    assert belief.position.shape == (2, 4, 2)
    assert belief.presence_logits.shape == (2, 4, len(Presence))
    assert belief.unseen_logit.shape == (2, 4)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float64])
def test_heads_answer_in_at_least_float32_whatever_their_type(kind):
    heads = Heads(8, 16, 3, depth=2, strengths=2)
    charge = torch.randn(7, 4, 8)
    wanted = heads(charge).class_logits
    said = heads.to(kind)(charge).class_logits
    assert said.dtype == torch.promote_types(kind, torch.float32)
    torch.testing.assert_close(said.float(), wanted, rtol=0.05, atol=0.05)


def test_steps_that_there_are_not_cannot_be_asked_for():
    heads, charge = Heads(8, 16, 3), torch.randn(2, 4, 8)
    forward = inspect.unwrap(Heads.forward)  # without the types that tests check
    with pytest.raises(ValueError, match=r"asked must be \(T, B\) \(2, 4\), got \(1, 4\)"):
        forward(heads, charge, torch.ones(1, 4, dtype=torch.bool))


def test_older_weights_say_hidden_or_in_view_as_before_and_nothing_else():
    """They had one number for it, which said hidden where it was above 0."""
    heads, classes = Heads(8, 16, 3), 3
    own = heads.state_dict()
    old = {**own, **{f"answer.{n}": own[f"answer.{n}"][: classes + 3] for n in ("weight", "bias")}}
    told = torch.nn.Linear(16, classes + 3)
    told.load_state_dict({n: 5 * old[f"answer.{n}"] for n in ("weight", "bias")})
    old |= {f"answer.{n}": values for n, values in told.state_dict().items()}
    heads.hidden.register_forward_hook(lambda *given: seen.append(given[-1]))
    seen: list[torch.Tensor] = []
    load_weights(heads, old, "the older weights")
    belief = heads(20 * torch.randn(50, 4, 8))
    before = told(torch.nn.functional.gelu(seen[-1]))
    assert heads.answer.out_features == classes + BEYOND_CLASSES
    torch.testing.assert_close(belief.class_logits, before[..., :classes])
    torch.testing.assert_close(belief.position, before[..., classes:-1].sigmoid())
    torch.testing.assert_close(belief.unseen_logit, before[..., -1])
    said = belief.presence_logits.argmax(-1)
    assert torch.equal(said == Presence.HIDDEN, before[..., -1] > 0)
    assert set(said.unique().tolist()) == {Presence.IN_VIEW, Presence.HIDDEN}
    of_others = belief.presence_logits.softmax(-1)[..., [0, 3, 4]]
    assert of_others.max() < 1e-12
