import pytest
import torch
from torch import nn

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
