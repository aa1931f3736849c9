"""Batch norm and spike: kernels against the definition, the definition against PyTorch's norm."""

import pytest
import torch
from torch.nn import functional as F

from neurosvt.ops.batchnorm_spike import BatchStats, batchnorm_spike

shapes = pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 33), (200, 64), (33, 100)], ids=str)


def inputs(shape, dtype=torch.float32, mean=0.5):
    rows, width = shape
    x = (2 * torch.randn(shape) + mean).to(dtype)
    return x, torch.rand(width) + 0.5, torch.randn(width), 1 + 4 * torch.rand(rows, 1)


def run(backend, x, weight, bias, slope, **options):
    leaves = [t.clone().requires_grad_() for t in (x, weight, bias, slope)]
    spikes, moments = batchnorm_spike(*leaves, backend=backend, **options)
    pull = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    return spikes, moments, torch.autograd.grad((spikes.float() * pull).sum(), leaves)


@shapes
@pytest.mark.parametrize("running", [False, True])
def test_kernels_agree_with_the_definition(shape, running):
    arguments = inputs(shape)
    moments = BatchStats(torch.randn(shape[1]), torch.rand(shape[1])) if running else None
    options = {"moments": moments, "threshold": 0.7}
    spikes, used, grads = run("native", *arguments, **options)
    expected, expected_used, expected_grads = run("reference", *arguments, **options)
    assert torch.equal(spikes, expected)
    for one, two in zip(used, expected_used, strict=True):
        assert torch.equal(one, two)
    torch.testing.assert_close(grads, expected_grads, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mean", [0.0, 1000.0])
def test_a_large_mean_does_not_eat_the_variance(mean):
    arguments = inputs((5000, 3), mean=mean)
    _, used, _ = run("native", *arguments)
    torch.testing.assert_close(used.mean, arguments[0].double().mean(0).float())
    torch.testing.assert_close(used.variance, arguments[0].double().var(0, correction=0).float())


def test_half_precision_keeps_its_type():
    arguments = inputs((65, 17), torch.bfloat16)
    spikes, _, grads = run("native", *arguments)
    expected, _, expected_grads = run("reference", *arguments)
    assert spikes.dtype == grads[0].dtype == torch.bfloat16
    assert torch.equal(spikes, expected)
    for one, two in zip(grads, expected_grads, strict=True):
        assert (one.float() - two.float()).norm() < 0.02 * two.float().norm()


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_it_is_a_batch_norm_and_a_threshold(backend):
    x, weight, bias, slope = inputs((50, 9))
    spikes, moments = batchnorm_spike(x, weight, bias, slope, backend=backend)
    u = F.batch_norm(x, None, None, weight, bias, training=True)
    clear = (u - 1).abs() > 1e-5
    assert torch.equal(spikes[clear], (u >= 1).float()[clear])
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    again, same = batchnorm_spike(x, weight, bias, slope, backend=backend, moments=moments)
    assert torch.equal(spikes, again)
    assert all(torch.equal(one, two) for one, two in zip(same, moments, strict=True))


@pytest.mark.parametrize("running", [False, True])
def test_gradients_are_those_of_the_soft_step(running):
    """Finite differences of `sigmoid(slope * (u - threshold))`, which is what backwards stands in
    for the step, in all four inputs."""
    leaves = [t.double().requires_grad_() for t in inputs((6, 3))]
    wide = BatchStats(*torch.rand(2, 3, dtype=torch.double)) if running else None
    pull = torch.randn(6, 3, dtype=torch.double)

    def soft(x, weight, bias, slope):
        mean, variance = wide or (x.mean(0), x.var(0, correction=0))
        u = weight * (x - mean) / (variance + 1e-5).sqrt() + bias
        return (pull * torch.sigmoid(slope * (u - 1))).sum()

    assert torch.autograd.gradcheck(soft, leaves)
    expected = torch.autograd.grad(soft(*leaves), leaves)
    spikes, _ = batchnorm_spike(*leaves, moments=wide)
    torch.testing.assert_close(torch.autograd.grad((pull * spikes).sum(), leaves), expected)


def test_other_layouts_and_no_numbers_pass():
    x, weight, bias, slope = inputs((8, 6))
    turned = x.T.contiguous().T
    assert not turned.is_contiguous()
    assert torch.equal(
        batchnorm_spike(turned, weight, bias, slope)[0], batchnorm_spike(x, weight, bias, slope)[0]
    )
    x[3, 2] = torch.nan
    running = BatchStats(torch.zeros(6), torch.ones(6))
    spikes, _ = batchnorm_spike(x, weight, bias, slope, moments=running)
    assert spikes.isnan().nonzero().tolist() == [[3, 2]]


def test_no_rows_have_no_moments():
    x, weight, bias, slope = inputs((0, 4))
    with pytest.raises(ValueError, match="no rows"):
        batchnorm_spike(x, weight, bias, slope)
    spikes, _ = batchnorm_spike(
        x, weight, bias, slope, moments=BatchStats(torch.zeros(4), torch.ones(4))
    )
    assert spikes.shape == (0, 4)
