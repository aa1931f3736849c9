"""The step and its stand-in: exact forwards, consistent backwards."""

import pytest
import torch

from neurosvt.ops.surrogate import SURROGATES, spike, surrogate_named

each = pytest.mark.parametrize("name", sorted(SURROGATES))


@each
def test_a_spike_is_exactly_zero_or_one(name):
    u = torch.cat([1e3 * torch.randn(999), torch.tensor([0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38])])
    assert torch.equal(spike(u, surrogate=name), (u >= 0).float())


@each
def test_nan_is_passed_on(name):
    spikes = spike(torch.tensor([torch.nan, 1.0, -1.0]), surrogate=name)
    assert spikes[0].isnan()
    assert spikes[1:].tolist() == [1, 0]


@each
@pytest.mark.parametrize("slope", [None, 0.5, 10.0])
def test_gradient_of_a_spike_is_the_derivative(name, slope):
    u = torch.randn(33, dtype=torch.double, requires_grad=True)
    (grad,) = torch.autograd.grad(spike(u, slope, name).sum(), u)
    chosen = SURROGATES[name]
    written = chosen.derivative(u.detach(), chosen.slope if slope is None else slope)
    torch.testing.assert_close(grad, written)


@each
def test_derivative_is_that_of_the_soft_step(name):
    chosen = SURROGATES[name]
    u = 2 * torch.randn(33, dtype=torch.double)
    h = 1e-6
    numeric = (chosen.soft(u + h, 3.0) - chosen.soft(u - h, 3.0)) / (2 * h)
    torch.testing.assert_close(chosen.derivative(u, 3.0), numeric, rtol=1e-6, atol=1e-8)
    u.requires_grad_()
    assert torch.autograd.gradcheck(lambda u: chosen.soft(u, 3.0), u)


@each
@pytest.mark.parametrize("shape", [(), (5,), (3, 1), (3, 5)], ids=str)
def test_gradient_in_the_slope_is_that_of_the_soft_step(name, shape):
    u = torch.randn(3, 5, dtype=torch.double)
    weight = torch.randn(3, 5, dtype=torch.double)
    slope = (1 + torch.rand(shape, dtype=torch.double)).requires_grad_()
    (grad,) = torch.autograd.grad((weight * spike(u, slope, name)).sum(), slope)
    assert grad.shape == shape
    h = 1e-6
    soft = SURROGATES[name].soft
    moved = (soft(u, slope.detach() + h) - soft(u, slope.detach() - h)) / (2 * h)
    numeric = (weight * moved).sum_to_size(shape)
    torch.testing.assert_close(grad, numeric, rtol=1e-5, atol=1e-8)


@each
def test_derivative_is_symmetric_and_its_default_height_is_one(name):
    """The written backward passes rely on the symmetry: they keep the membrane's negative."""
    chosen = SURROGATES[name]
    u = torch.randn(33, dtype=torch.double)
    torch.testing.assert_close(chosen.derivative(u, 3.0), chosen.derivative(-u, 3.0))
    assert chosen.derivative(torch.zeros(1), chosen.slope).item() == 1


@each
def test_soft_step_rises_from_zero_to_one_through_a_half(name):
    soft = SURROGATES[name].soft(torch.tensor([-1e9, -1.0, 0.0, 1.0, 1e9]), 2.0)
    torch.testing.assert_close(soft[[0, 2, 4]], torch.tensor([0.0, 0.5, 1.0]))
    assert (soft.diff() > 0).all()


def test_unknown_surrogate_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'tanh' is unknown.*arctan.*sigmoid"):
        surrogate_named("tanh")
    with pytest.raises(ValueError, match="'tanh' is unknown"):
        spike(torch.zeros(1), surrogate="tanh")
