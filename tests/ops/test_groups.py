"""Products by group are those of a row at a time, and so are their gradients."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.ops.groups import sum_of_products


def some_rows(groups, sums, share, seed, dtype=torch.double):
    """At most one row of every group in every sum, in any order."""
    torch.manual_seed(seed)
    pairs = (torch.rand(groups, sums) < share).nonzero()
    pairs = pairs[torch.randperm(len(pairs))]
    x = torch.randn(len(pairs), 3, dtype=dtype, requires_grad=True)
    weight = torch.randn(groups, 3, 5, dtype=dtype, requires_grad=True)
    return x, weight, pairs[:, 0], pairs[:, 1], sums


def one_by_one(x, weight, group, home, sums):
    out = torch.zeros(sums, weight.shape[-1], dtype=x.dtype) + 0 * (x.sum() + weight.sum())
    for row, g, h in zip(x, group, home, strict=True):
        out = out.index_add(0, h[None], (row @ weight[g])[None])
    return out


@given(
    groups=st.integers(1, 6),
    sums=st.integers(1, 6),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 2**16),
    dtype=st.sampled_from([torch.double, torch.float]),
)
def test_sums_and_gradients_are_those_of_rows_one_by_one(groups, sums, share, seed, dtype):
    given_rows = some_rows(groups, sums, share, seed, dtype)
    pull = torch.randn(sums, 5, dtype=dtype)
    ours, theirs = (way(*given_rows) for way in (sum_of_products, one_by_one))
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad((out * pull).sum(), given_rows[:2]) for out in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_sums_of_half_precision_are_taken_in_float32():
    """Ones are added to a sum that has no room for them in bfloat16."""
    ones = torch.ones(600, 1, dtype=torch.bfloat16)
    weight = torch.ones(600, 1, 1, dtype=torch.bfloat16)
    home = torch.zeros(600, dtype=torch.long)
    assert sum_of_products(ones, weight, torch.arange(600), home, 1).item() == 600
