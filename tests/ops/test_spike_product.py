"""Products of spikes are plain products, forwards and backwards, whatever way they take."""

import pytest
import torch
from torch.nn import functional as F

from neurosvt.ops import spike_product as ways
from neurosvt.ops.spike_product import FEW_SPIKES, spike_product

SHAPES = [(0, 3, 2), (1, 1, 1), (7, 5, 3), (33, 17, 40), (90, 64, 96)]


def spikes_of(rows, inputs, share, dtype=torch.float32):
    return (torch.rand(rows, inputs) < share).to(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("share", [0.0, FEW_SPIKES / 2, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.bool], ids=str)
def test_it_is_a_product_forwards_and_backwards(shape, share, dtype):
    rows, inputs, outputs = shape
    kind = dtype if dtype.is_floating_point else torch.float32
    spikes = spikes_of(rows, inputs, share, dtype)
    weight = torch.randn(outputs, inputs, dtype=kind, requires_grad=True)
    leaves = [weight]
    if dtype.is_floating_point:
        leaves.append(spikes.requires_grad_())
    pull = torch.randn(rows, outputs, dtype=kind)
    ours, theirs = spike_product(spikes, weight), F.linear(spikes.to(kind), weight)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    grads = [torch.autograd.grad((out * pull).sum(), leaves) for out in (ours, theirs)]
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-4)


def test_numbers_that_are_no_spikes_count_as_what_they_are():
    spikes, weight = spikes_of(40, 30, 0.1) * torch.randn(40, 30), torch.randn(9, 30)
    torch.testing.assert_close(spike_product(spikes, weight), spikes @ weight.T)


def test_any_byte_but_0_is_a_spike():
    weight = torch.randn(3, 16)
    spikes = torch.zeros(5, 16, dtype=torch.uint8)
    spikes[:, 3] = torch.tensor([1, 2, 7, 128, 255])
    torch.testing.assert_close(spike_product(spikes, weight), weight[:, 3].expand(5, 3))


def test_few_spikes_and_many_take_different_ways_to_the_same(monkeypatch):
    spikes, weight = spikes_of(50, 20, 0.15), torch.randn(8, 20, requires_grad=True)
    found = []
    for few in (True, False):
        monkeypatch.setattr(ways, "_few", lambda spikes, few=few: few)
        out = spike_product(spikes, weight)
        found.append((out, *torch.autograd.grad(out.square().sum(), weight)))
    torch.testing.assert_close(*found)


def test_under_autocast_it_is_what_a_linear_layer_is():
    spikes, weight = spikes_of(9, 20, 0.1), torch.randn(4, 20)
    with torch.autocast("cpu", torch.bfloat16):
        for x in (spikes, spikes.byte()):
            out = spike_product(x, weight)
            assert out.dtype == torch.bfloat16
            assert torch.equal(out, F.linear(spikes, weight))
