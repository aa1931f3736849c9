import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from neurosvt.training.optimizers import OPTIMIZERS, muon


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_weight_decay_shrinks_matrices_and_leaves_vectors(optimizer, tiny_training):
    training = tiny_training(weight_decay=0.5, rate=0.1, optimizer=optimizer)
    before = {n: p.detach().clone() for n, p in training.model.named_parameters()}
    for parameter in training.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for part in training.optimizers:
        part.step()
    assert {p.ndim for p in before.values()} >= {1, 2}
    for name, parameter in training.model.named_parameters():
        factor = 0.95 if parameter.ndim > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), before[name] * factor)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_every_parameter_is_trained_once(optimizer, tiny_training):
    training = tiny_training(optimizer=optimizer)
    groups = [group for part in training.optimizers for group in part.param_groups]
    trained = [id(p) for group in groups for p in group["params"]]
    assert len(trained) == len(set(trained)) == len(list(training.model.parameters()))


def test_muon_turns_the_matrices_that_take_spikes_by_as_much_as_adamw_would():
    """All directions of a step are of one length, about 0.2 rates an element."""
    model = nn.Sequential(nn.Linear(64, 128, bias=False), nn.Linear(128, 99))
    before = [p.detach().clone() for p in model.parameters()]
    spikes = (torch.rand(200, 64) < 0.3).float()
    model(spikes).square().sum().backward()
    first, second = muon(model, 0.01, 0.0)
    assert [p.shape for p in first.param_groups[0]["params"]] == [(128, 64)]
    first.step()
    second.step()
    step = before[0] - model[0].weight.detach()
    assert step.square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.3)
    lengths = torch.linalg.svdvals(step)
    pulled = torch.linalg.svdvals(model[0].weight.grad)
    assert pulled.min() < 0.1 * pulled.max()
    assert lengths.min() > 0.3 * lengths.max()
    assert not torch.equal(model[1].weight, before[1])


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_any_model_can_be_trained_whatever_its_layers(optimizer):
    """Without a layer that takes spikes, with tied weights, and with a parametrised one."""
    tied = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    tied[1].weight = tied[0].weight
    wrapped = nn.Sequential(weight_norm(nn.Linear(4, 4, bias=False)), nn.Linear(4, 4, bias=False))
    for model in (nn.Sequential(nn.Linear(4, 4)), tied, wrapped, nn.Linear(4, 4, bias=False)):
        before = [p.detach().clone() for p in model.parameters()]
        parts = OPTIMIZERS[optimizer](model, 0.1, 0.0)
        model(torch.randn(5, 4)).square().sum().backward()
        for part in parts:
            part.step()
        after = list(model.parameters())
        assert all(not torch.equal(p, old) for p, old in zip(after, before, strict=True))


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_frozen_weights_do_not_decay(optimizer):
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    before = model[0].requires_grad_(False).weight.clone()
    parts = OPTIMIZERS[optimizer](model, 0.1, 0.5)
    model(torch.randn(5, 4)).sum().backward()
    for part in parts:
        part.step()
    assert torch.equal(model[0].weight, before)
