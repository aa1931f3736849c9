"""Attention between spikes: counts, so exact in any order."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.ops.attention import spike_attention


def spikes(*shape, share=0.4):
    return (torch.rand(shape) < share).float()


def test_attention_solved_by_hand():
    q = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    k = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    v = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # q k^T = [[1, 0, 1], [2, 1, 1], [0, 0, 0]]
    assert spike_attention(q, k, v).tolist() == [[1, 1], [3, 2], [0, 0]]


@given(
    tokens=st.sampled_from([1, 2, 7, 33]),
    width=st.sampled_from([1, 3, 8, 24]),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**16),
)
def test_both_orders_agree_to_the_bit(tokens, width, share, seed):
    torch.manual_seed(seed)
    q, k, v = spikes(3, 2, 3, tokens, width, share=share)
    mixed = spike_attention(q, k, v)
    assert torch.equal(mixed, (q @ k.transpose(-1, -2)) @ v)
    assert torch.equal(mixed, q @ (k.transpose(-1, -2) @ v))


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (2, 3, 7, 4)], ids=str)
def test_attention_equals_an_explicit_loop(shape):
    q, k, v = spikes(3, *shape)
    tokens = shape[-2]
    expected = torch.zeros(shape)
    for i in range(tokens):
        for j in range(tokens):
            meet = (q[..., i, :] * k[..., j, :]).sum(-1, keepdim=True)
            expected[..., i, :] += meet * v[..., j, :]
    assert torch.equal(spike_attention(q, k, v), expected)


@pytest.mark.parametrize(("tokens", "width"), [(300, 301), (301, 300)])
def test_counts_beyond_256_are_exact_under_bfloat16(tokens, width):
    ones = torch.ones(tokens, width)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = spike_attention(ones.bfloat16(), ones.bfloat16(), ones.bfloat16())
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, torch.full((tokens, width), float(tokens * width)))


def test_silent_tokens_add_nothing_and_hear_nothing():
    q, k, v = spikes(3, 7, 4)
    q[5:] = k[5:] = v[5:] = 0
    mixed = spike_attention(q, k, v)
    assert torch.equal(mixed[:5], spike_attention(q[:5], k[:5], v[:5]))
    assert not mixed[5:].any()


def test_tokens_in_another_order_give_the_answers_in_that_order():
    q, k, v = spikes(3, 2, 9, 4)
    order = torch.randperm(9)
    permuted = spike_attention(q[:, order], k[:, order], v[:, order])
    assert torch.equal(permuted, spike_attention(q, k, v)[:, order])


@pytest.mark.parametrize(("tokens", "width"), [(3, 5), (5, 3)])
def test_gradient_is_exact_in_both_orders(tokens, width):
    parts = [torch.randn(2, tokens, width, dtype=torch.double, requires_grad=True) for _ in "qkv"]
    assert torch.autograd.gradcheck(spike_attention, parts)
