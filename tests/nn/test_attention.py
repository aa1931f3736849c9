"""Attention over rows against attention over every token of a frame."""

import pytest
import torch

from neurosvt.nn.attention import SpikeAttention
from neurosvt.nn.norm import FixedScale
from neurosvt.nn.token_neuron import NeuronConfig, row_context
from neurosvt.ops.attention import spike_attention
from neurosvt.ops.lif import lif
from neurosvt.ops.products import UNIT
from neurosvt.ops.rows import by_frame, pack

WIDTH, HEADS, TOKENS = 12, 2, 9

NEURON = NeuronConfig().build


@pytest.fixture
def attention():
    """Attention on the grid, strong enough to fire."""
    attention = SpikeAttention(WIDTH, HEADS, NEURON).eval()
    with torch.no_grad():
        for linear in (attention.qkv, attention.out):
            linear.weight.mul_(4)
            linear.fold()
    attention.fold()
    return attention


def inputs(share=0.6):
    rows = pack(torch.rand(7, 2, TOKENS) < share)
    return (torch.rand(len(rows), WIDTH) < 0.5).float(), rows


def rested():
    return torch.zeros(2, TOKENS, 3 * WIDTH), torch.zeros(2, TOKENS, WIDTH)


def split(x, parts):
    """(F, N, parts * D) to `parts` tensors (F, H, N, K)."""
    chunks = x.chunk(parts, -1)
    return [c.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2) for c in chunks]


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_mixing_rows_is_mixing_whole_frames(attention, share):
    _, rows = inputs(share)
    qkv = (torch.rand(len(rows), 3 * WIDTH) < 0.5).float()
    frames = torch.zeros(14, TOKENS, 3 * WIDTH)
    frames[rows.frame, rows.position] = qkv
    dense = spike_attention(*split(frames, 3)).transpose(1, 2).flatten(2)
    assert torch.equal(attention.mix(qkv, by_frame(rows)), dense[rows.frame, rows.position])


def test_frames_do_not_hear_each_other(attention):
    _, rows = inputs()
    qkv = (torch.rand(len(rows), 3 * WIDTH) < 0.5).float()
    mixed = attention.mix(qkv, by_frame(rows))
    others = rows.frame != rows.frame[0]
    changed = torch.where(others[:, None], 1 - qkv, qkv)
    again = attention.mix(changed, by_frame(rows))
    assert torch.equal(again[~others], mixed[~others])
    assert not torch.equal(again[others], mixed[others])


def test_rows_alone_give_what_all_tokens_give(attention):
    spikes, rows = inputs()
    at = row_context(rows, 0.5, 0.0, "auto")
    out, left = attention(spikes, rested(), at, by_frame(rows))

    frames = torch.zeros(7, 2, TOKENS, WIDTH)
    frames.flatten(0, 1)[rows.frame, rows.position] = spikes
    qkv, _ = lif(frames @ attention.qkv.weight.T, decay=0.5, backend="reference")
    counts = spike_attention(*split(qkv.flatten(0, 1), 3)).transpose(1, 2).flatten(2)
    current = (counts * attention.norm.scale).unflatten(0, (7, 2))
    mixed, end = lif(current, decay=0.5, backend="reference")
    dense = (mixed @ attention.out.weight.T).flatten(0, 1)
    assert mixed.any()
    assert torch.equal(out, dense[rows.frame, rows.position])
    assert torch.equal(left[1] * 0.5 ** (rows.since_event - 1)[..., None], end)


@pytest.mark.parametrize("training", [True, False])
def test_queries_keys_values_and_what_is_projected_are_spikes(training):
    attention = SpikeAttention(WIDTH, HEADS, NEURON).train(training)
    seen = []
    attention.fire_qkv.register_forward_hook(lambda _, __, out: seen.append(out[0]))
    attention.out.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    spikes, rows = inputs()
    attention(spikes, rested(), row_context(rows, 0.5, 0.0, "auto"), by_frame(rows))
    assert len(seen) == 2
    for x in seen:
        assert ((x == 0) | (x == 1)).all()


def test_silence_in_silence_out(attention):
    spikes, rows = inputs()
    at = row_context(rows, 0.5, 0.0, "auto")
    out, left = attention(torch.zeros_like(spikes), rested(), at, by_frame(rows))
    assert not out.any()
    assert not any(v.any() for v in left)


def test_gradients_reach_every_weight():
    attention = SpikeAttention(WIDTH, HEADS, NEURON)
    spikes, rows = inputs()
    at = row_context(rows, 0.5, 0.0, "auto")
    out, _ = attention(spikes.requires_grad_(), rested(), at, by_frame(rows))
    (out * torch.randn_like(out)).sum().backward()
    assert spikes.grad.any()
    assert all(p.grad is not None and p.grad.any() for p in attention.parameters())


def test_folding_puts_the_scale_of_the_counts_on_the_grid(attention):
    assert isinstance(attention.norm, FixedScale)
    scale = attention.norm.scale
    assert torch.equal((scale / UNIT).round() * UNIT, scale)
