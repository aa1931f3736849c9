"""A norm that keeps silence silent, and what it becomes on the grid."""

import pytest
import torch

from neurosvt.nn.norm import FixedScale, ScaleNorm, to_grid
from neurosvt.ops import native
from neurosvt.ops.products import UNIT


def rows_with_gaps(rows=33, width=5):
    x = 3 * torch.randn(rows, width)
    x[::3] = 0
    return x


@pytest.mark.parametrize("training", [True, False])
def test_zero_in_zero_out(training):
    norm = ScaleNorm(5).train(training)
    assert not norm(torch.zeros(7, 5)).any()
    assert norm(torch.zeros(0, 5)).shape == (0, 5)


def test_rows_that_fired_come_out_at_the_strength_of_the_gain():
    norm = ScaleNorm(5)
    with torch.no_grad():
        norm.gain.copy_(torch.tensor([0.5, 1.0, 2.0, -1.0, 3.0]))
    y = norm(rows_with_gaps())
    fired = (y != 0).any(1)
    strength = y[fired].square().mean(0).sqrt()
    torch.testing.assert_close(strength, norm.gain.detach().abs(), rtol=1e-4, atol=1e-4)


def test_running_value_is_that_of_rows_that_fired_and_serves_in_eval_mode():
    norm, x = ScaleNorm(5, momentum=0.25), rows_with_gaps()
    norm(x)
    mean_square = x.square().sum(0) / (x != 0).any(1).sum()
    torch.testing.assert_close(norm.mean_square, 0.75 + 0.25 * mean_square)
    norm.eval()
    before = norm.mean_square.clone()
    torch.testing.assert_close(norm(2 * x), 2 * x * norm.scale())
    torch.testing.assert_close(norm.scale(), (before + norm.eps).rsqrt())
    assert torch.equal(norm.mean_square, before)


def test_the_running_value_becomes_what_training_uses():
    norm, x = ScaleNorm(5), rows_with_gaps()
    for _ in range(200):
        y = norm(x)
    torch.testing.assert_close(norm.eval()(x), y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [0, 7])
def test_silence_teaches_the_running_value_nothing(rows):
    """Rows that are all zero do not count, so neither does a batch of nothing else."""
    norm = ScaleNorm(5)
    norm(rows_with_gaps())
    before = norm.mean_square.clone()
    norm(torch.zeros(rows, 5))
    assert torch.equal(norm.mean_square, before)


def test_kernels_and_pytorch_train_alike(monkeypatch):
    x = rows_with_gaps()
    results = []
    for built in (native.BUILT, False):
        monkeypatch.setattr(native, "BUILT", built)
        norm, leaf = ScaleNorm(5), x.clone().requires_grad_()
        y = norm(leaf)
        y.pow(3).sum().backward()
        results.append((y, norm.mean_square, norm.gain.grad, leaf.grad))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_half_precision_current_leaves_the_running_value_in_float32(kernels, training, monkeypatch):
    if not kernels:
        monkeypatch.setattr(native, "BUILT", False)
    norm = ScaleNorm(5).train(training)
    y = norm(rows_with_gaps().bfloat16())
    assert (y.dtype, norm.mean_square.dtype) == (torch.bfloat16, torch.float32)


def test_the_grid_is_a_power_of_two_and_rounds_to_the_nearest():
    assert UNIT == 2.0**-12
    x = torch.randn(99)
    on_grid = to_grid(x)
    assert torch.equal((on_grid / UNIT).round() * UNIT, on_grid)
    assert (on_grid - x).abs().max() <= UNIT / 2
    assert torch.equal(to_grid(on_grid), on_grid)


def test_a_fixed_scale_is_the_rounded_scale_in_both_modes():
    norm = ScaleNorm(5)
    norm(rows_with_gaps())
    fixed, x = FixedScale(norm.scale()), rows_with_gaps()
    assert torch.equal(fixed.scale, to_grid(norm.scale()).detach())
    assert torch.equal(fixed(x), fixed.eval()(x))
    torch.testing.assert_close(fixed(x), norm.eval()(x), rtol=1e-2, atol=1e-2)
    assert not list(fixed.parameters())
