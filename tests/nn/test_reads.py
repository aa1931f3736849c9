"""Weights of a memory's read: summed up anew where they are needed, so never out of date."""

import pytest
import torch

from neurosvt.nn.reads import PositionRead
from neurosvt.ops.rows import pack

TOKENS, WIDTH = 16, 6


def few_rows(count, seed=0):
    """One frame with so many tokens, and their spikes."""
    generator = torch.Generator().manual_seed(seed)
    active = torch.zeros(1, 1, TOKENS, dtype=torch.bool)
    active[0, 0, torch.randperm(TOKENS, generator=generator)[:count]] = True
    rows = pack(active)
    return (torch.rand(len(rows), WIDTH, generator=generator) < 0.5).float(), rows


@pytest.mark.parametrize("count", [1, 3, 8, 9, 16])
@pytest.mark.parametrize("folded", [False, True])
def test_without_gradients_a_read_says_the_same_to_the_bit(count, folded):
    read = PositionRead(TOKENS, WIDTH, 5).eval()
    if folded:
        read.fold()
    given = few_rows(count)
    with torch.no_grad():
        said = read(*given)
    assert torch.equal(said, read(*given).detach())


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("which", ["own", "shared"])
def test_weights_may_change_without_a_trace(folded, which):
    """`weight.data` is how moving averages write; PyTorch counts no version of it."""
    read, given = PositionRead(TOKENS, WIDTH, 5).eval(), few_rows(3)
    if folded:
        read.fold()
    with torch.no_grad():
        before = read(*given)
        read.get_parameter(which).data.mul_(2).add_(0.5)
        after = read(*given)
    assert not torch.equal(after, before)
    assert torch.equal(after, read(*given).detach())


def test_a_read_that_was_folded_and_trained_is_folded_again():
    read, given = PositionRead(TOKENS, WIDTH, 5).eval(), few_rows(9)
    read.fold()
    with torch.no_grad():
        read.shared.add_(0.3)
        before = read(*given)
        read.fold()
        assert not read.shared.any()
        torch.testing.assert_close(read(*given), before, rtol=0, atol=TOKENS * WIDTH * 2**-13)
