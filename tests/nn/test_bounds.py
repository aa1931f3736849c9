"""Learnt numbers within bounds, and the time constants that are kept so."""

import math

import pytest
import torch

from neurosvt.nn.bounds import kept_within
from neurosvt.nn.leaky_memory import LeakyMemory, LeakyMemoryConfig
from neurosvt.nn.neuron import ParametricLIF
from neurosvt.sides import Sides


def test_within_the_bounds_nothing_changes_in_any_derivative():
    x = torch.linspace(-0.99, 0.99, 101, dtype=torch.double, requires_grad=True)
    assert torch.equal(kept_within(x, -1.0, 1.0), x)
    assert torch.autograd.gradgradcheck(lambda x: kept_within(x, -1.0, 1.0).exp(), x)


@pytest.mark.parametrize("x", [-1e30, -1.5, 1.5, 1e30])
def test_beyond_a_bound_the_value_is_the_bound_and_the_gradient_goes_on(x):
    x = torch.tensor(x, requires_grad=True)
    kept = kept_within(x, -1.0, 1.0)
    assert kept.item() == math.copysign(1.0, x.item())
    kept.backward()
    assert x.grad == 1


def memory_of(log_tau):
    memory = LeakyMemory(LeakyMemoryConfig(channels=len(log_tau)), Sides.of(2), 3)
    with torch.no_grad():
        memory.log_tau.copy_(torch.tensor(log_tau))
    return memory


def test_time_constants_that_can_be_are_what_the_logarithm_says():
    log_tau = torch.linspace(math.log(1.0011), 41, 1000)
    assert torch.equal(memory_of(log_tau.tolist()).tau(), log_tau.exp())


def test_a_channel_that_was_driven_below_one_step_finds_back():
    memory = memory_of([-0.3, 0.0, 2.0])
    assert (memory.tau()[:2] - 1.001).abs().max() < 1e-6
    for _ in range(300):
        wanted = (1 - 1 / memory.tau() - 0.8).square().sum()  # five steps
        (grad,) = torch.autograd.grad(wanted, memory.log_tau)
        with torch.no_grad():
            memory.log_tau -= grad
    torch.testing.assert_close(memory.tau(), torch.full((3,), 5.0), rtol=0.1, atol=0)


@pytest.mark.parametrize("log_tau", [-1e9, -1.0, 50.0, 100.0, 1e9])
def test_a_time_constant_out_of_reach_is_a_decay_with_a_gradient(log_tau):
    memory = memory_of([log_tau])
    decay = 1 - 1 / memory.tau()
    assert 0 < decay <= 1
    decay.backward()
    assert memory.log_tau.grad.isfinite()
    assert memory.log_tau.grad > 0


@pytest.mark.parametrize("w", [-1000.0, -20.0, 20.0, 1000.0])
def test_a_parametric_neuron_neither_keeps_all_nor_gets_lost(w):
    neuron = ParametricLIF(1)
    with torch.no_grad():
        neuron.w.fill_(w)
    decay = neuron.decay()
    assert 0 < decay < 1
    decay.backward()
    assert neuron.w.grad < 0
