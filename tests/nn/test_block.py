"""One layer: current is added up, spikes are projected."""

import pytest
import torch

from neurosvt.nn.block import Block
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.token_neuron import NeuronConfig, row_context
from neurosvt.ops.rows import by_frame, pack

WIDTH, TOKENS = 12, 9

NEURON = NeuronConfig().build


def inputs():
    rows = pack(torch.rand(7, 2, TOKENS) < 0.6)
    return 2 * torch.randn(len(rows), WIDTH), rows


def run(block, x, rows, v=None):
    v = tuple(torch.zeros(2, TOKENS, w) for w in block.widths) if v is None else v
    return block(x, v, row_context(rows, 0.5, 0.0, "auto"), by_frame(rows))


@pytest.mark.parametrize("training", [True, False])
def test_every_projection_is_fed_exact_spikes(training):
    block = Block(WIDTH, 2, 2.0, NEURON)
    for module in block.modules():
        if isinstance(module, ScaleNorm):
            module.momentum = 1.0  # so that one pass is enough for eval mode to fire
    run(block, *inputs())
    block.train(training)
    seen = []
    for module in block.modules():
        if isinstance(module, SpikeLinear):
            module.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    run(block, *inputs())
    assert len(seen) == 4
    for x in seen:
        assert ((x == 0) | (x == 1)).all()
        assert x.any()


def test_current_takes_the_shortcut():
    block = Block(WIDTH, 2, 2.0, NEURON).eval()
    with torch.no_grad():
        block.attention.out.weight.zero_()
        block.contract.weight.zero_()
    x, rows = inputs()
    assert torch.equal(run(block, x, rows)[0], x)


def test_current_below_threshold_goes_through_and_costs_no_spike():
    block = Block(WIDTH, 2, 2.0, NEURON).eval()
    x, rows = inputs()
    quiet = x.clamp(max=0)
    y, left = run(block, quiet, rows)
    assert torch.equal(y, quiet)
    assert not left[1].any()
    assert not left[4].any()


def test_membranes_have_the_widths_that_the_block_tells():
    block = Block(WIDTH, 2, 1.5, NEURON)
    assert block.widths == (12, 36, 12, 12, 18)
    before = tuple(torch.zeros(2, TOKENS, w) for w in block.widths)
    x, rows = inputs()
    _, left = run(block, x, rows, before)
    assert [v.shape[-1] for v in left] == list(block.widths)
    assert not any(v.any() for v in before), "a state that was passed in has changed"


def test_gradients_reach_every_weight():
    block = Block(WIDTH, 2, 2.0, NEURON)
    y, _ = run(block, *inputs())
    (y * torch.randn_like(y)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in block.parameters())
