"""Copies whose weights are plain, whatever computes them in the model."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune, spectral_norm, weight_norm
from torch.nn.utils.parametrizations import orthogonal
from torch.nn.utils.parametrizations import spectral_norm as spectral
from torch.nn.utils.parametrizations import weight_norm as normed

from neurosvt.config import UserError
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.plain_copy import plain_copy


def pruned(part):
    prune.l1_unstructured(part, "weight", 0.3)
    prune.random_unstructured(part, "weight", 0.2)


COMPUTED = {
    "weight norm": normed, "spectral norm": spectral, "orthogonal": orthogonal,
    "older weight norm": weight_norm, "older spectral norm": spectral_norm, "pruned": pruned,
}  # fmt: skip
computed = pytest.mark.parametrize("compute", COMPUTED.values(), ids=COMPUTED.keys())


def model_of(compute, trained=True):
    model = nn.Sequential(SpikeLinear(7, 5), nn.ReLU(), nn.Linear(5, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the older weight norm
        for part in (model[0], model[2]):
            compute(part)
    if trained:  # what is computed then hangs on a graph, and has no copy of its own
        model(spikes(9)).square().sum().backward()
    return model.eval()


def spikes(rows):
    return (torch.rand(rows, 7) < 0.4).float()


@computed
@pytest.mark.parametrize("trained", [True, False])
def test_the_copy_is_the_same_function_of_plain_weights(compute, trained):
    model, x = model_of(compute, trained), spikes(33)
    twin = plain_copy(model)
    assert torch.equal(twin(x), model(x))
    assert type(twin[0]) is SpikeLinear
    assert {n for n, _ in twin.named_parameters()} == {
        "0.weight", "0.norm.gain", "2.weight", "2.bias",
    }  # fmt: skip
    twin(x).square().sum().backward()
    assert all(p.grad.any() for n, p in twin.named_parameters() if n != "0.norm.gain")


@computed
def test_the_model_goes_on_as_before(compute):
    model, x = model_of(compute), spikes(33)
    before, said = copy.deepcopy(model.state_dict()), model(x)
    state = torch.get_rng_state()
    plain_copy(model.train())
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(model.eval()(x), said)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    model(x).sum().backward()


@computed
def test_a_computed_weight_is_folded_as_it_stands(compute):
    linear, x = model_of(compute)[0], spikes(33)
    twin, by_hand = plain_copy(linear), SpikeLinear(7, 5).eval()
    by_hand.load_state_dict(
        {"weight": linear.weight.detach()}
        | {f"norm.{n}": t for n, t in linear.norm.state_dict().items()}
    )
    twin.fold()
    by_hand.fold()
    assert torch.equal(twin(x), by_hand(x))


def test_a_copy_made_for_inference_can_be_trained():
    with torch.inference_mode():
        twin = plain_copy(nn.Linear(3, 2))
    twin(torch.rand(4, 3)).sum().backward()
    assert twin.weight.grad.any()


def test_a_weight_that_is_computed_otherwise_is_refused():
    linear = SpikeLinear(7, 5)
    raw = nn.Parameter(linear.weight.detach().clone())
    del linear.weight
    linear.raw = raw
    linear.register_forward_pre_hook(lambda part, _: setattr(part, "weight", 2 * part.raw))
    linear(spikes(3))
    with pytest.raises(UserError, match=r"^first\.weight is computed before it is used") as error:
        plain_copy(nn.ModuleDict({"first": linear}))
    assert "\n" not in str(error.value)


def test_a_part_that_has_no_copy_is_told_in_one_line():
    model = nn.Linear(3, 2)
    model.stream = (n for n in range(3))
    with pytest.raises(UserError, match=r"this Linear cannot be copied: .*generator") as error:
        plain_copy(model)
    assert "\n" not in str(error.value)
