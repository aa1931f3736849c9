"""Projections of spikes: silent on silence, exact once they are folded."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from neurosvt.nn.linear import SpikeLinear
from neurosvt.ops.products import UNIT


def spikes(*shape):
    return (torch.rand(shape) < 0.3).float()


@pytest.fixture
def linear():
    """A projection whose running statistics have moved."""
    linear = SpikeLinear(7, 5)
    for _ in range(20):
        linear(spikes(33, 7))
    return linear.eval()


@pytest.mark.parametrize("training", [True, False])
def test_silence_in_silence_out(linear, training):
    assert linear.bias is None
    assert not linear.train(training)(torch.zeros(3, 7)).any()


def test_it_is_the_norm_of_a_sum_of_weights(linear):
    chosen = spikes(9, 7)
    expected = torch.stack([linear.weight[:, row > 0].sum(1) for row in chosen])
    torch.testing.assert_close(linear(chosen), expected * linear.norm.scale())


def test_folding_changes_answers_by_no_more_than_the_rounding(linear):
    chosen = spikes(33, 7)
    before = linear(chosen)
    linear.fold()
    assert isinstance(linear.norm, nn.Identity)
    assert torch.equal((linear.weight / UNIT).round() * UNIT, linear.weight)
    assert (linear(chosen) - before).abs().max() <= 7 * UNIT / 2 + 1e-5


def test_folding_twice_is_folding_once(linear):
    linear.fold()
    once = linear.weight.clone()
    linear.fold()
    assert torch.equal(linear.weight, once)


def test_a_folded_projection_is_exact_in_any_order(linear):
    """A product over few rows sums in another order than over many; on the grid that is equal."""
    linear = SpikeLinear(333, 65).eval()
    linear.fold()
    chosen = spikes(129, 333)
    whole = linear(chosen)
    alone = torch.cat([linear(row[None]) for row in chosen])
    assert torch.equal(whole, alone)
    order = torch.randperm(129)
    assert torch.equal(linear(chosen[order]), whole[order])


def test_gradients_reach_weight_and_gain(linear):
    linear.train()(spikes(9, 7)).square().sum().backward()
    assert linear.weight.grad.any()
    assert linear.norm.gain.grad.any()


def test_a_layout_is_made_once_and_known_by_the_values(linear):
    linear.fold()
    with torch.no_grad():
        first = linear.grid()
        assert linear.grid() is first
        linear.weight.data.copy_(linear.weight.data.clone())  # a write that changes nothing
        assert linear.grid() is first
        linear.weight.data[0, 0] += UNIT  # of which PyTorch counts no version
        assert linear.grid() is not first
        assert linear.grid().by_input[0, 0] == linear.weight[0, 0]
        linear.weight.data[0, 0] += UNIT / 3
        assert linear.grid() is None
        linear.weight.data[0, 0] = float("nan")
        assert linear.grid() is None


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_that_share_a_projection_agree(threads):
    linear, chosen = SpikeLinear(65, 33).eval(), spikes(17, 65)
    linear.fold()
    with torch.no_grad():
        expected = chosen @ linear.weight.T

    def product(_):
        linear._layout = None
        with torch.no_grad():
            return linear(chosen)

    with ThreadPoolExecutor(threads) as pool:
        assert all(torch.equal(found, expected) for found in pool.map(product, range(50)))


def test_under_autocast_products_are_those_of_autocast(linear):
    """With gradients as without, whichever way was the quickest."""
    linear.fold()
    chosen = spikes(9, 7)
    with torch.autocast("cpu", torch.bfloat16):
        learnt = linear(chosen)
        with torch.no_grad():
            assert torch.equal(linear(chosen), learnt)
    assert learnt.dtype == torch.bfloat16
