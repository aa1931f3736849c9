"""Memory that is used again is never used twice at a time."""

import gc

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.ops import buffers
from neurosvt.ops.buffers import ALIGNMENT, LEAST, empty, empty_like
from neurosvt.ops.lif import lif

LARGE = (LEAST // 4, 3)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    """What other tests left behind would come first."""
    gc.collect()
    monkeypatch.setattr(buffers, "_free", [])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8], ids=str)
@pytest.mark.parametrize("shape", [(3, 5), LARGE, (0, 4), (7, LEAST)], ids=str)
def test_a_tensor_like_any_other(shape, dtype):
    x = empty(shape, dtype)
    assert (x.shape, x.dtype, x.is_contiguous()) == (torch.Size(shape), dtype, True)
    x.fill_(1)
    assert x.float().sum() == x.numel()
    assert x.data_ptr() % min(ALIGNMENT, 16) == 0
    assert empty_like(x).shape == x.shape


def test_memory_comes_back_when_the_last_view_goes():
    x = empty(LARGE)
    at = x.data_ptr()
    view = x[10:20, 1:]
    del x
    gc.collect()
    assert at not in {t.data_ptr() for t in [empty(LARGE) for _ in range(8)]}
    del view
    gc.collect()
    assert at in {t.data_ptr() for t in [empty(LARGE) for _ in range(9)]}


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 3, 4])), max_size=30))
def test_two_that_live_never_share(actions):
    """Tensors are made and dropped in any order; each keeps the number written to it."""
    held = {}
    for turn, (slot, factor) in enumerate(actions):
        held.pop(slot, None)
        held[slot] = turn, empty((LEAST // 4, factor)).fill_(turn)
    for turn, x in held.values():
        assert (x == turn).all()


def test_what_a_graph_saved_is_not_used_again():
    """The membrane that the backward pass needs outlives the call that computed it."""
    current = torch.randn(8, 100, 400, requires_grad=True)
    spikes, _ = lif(current, decay=0.5, backend="native")
    for _ in range(3):
        lif(torch.randn(8, 100, 400, requires_grad=True), decay=0.5, backend="native")
    (grad,) = torch.autograd.grad(spikes.sum(), current)
    again = current.detach().requires_grad_()
    (expected,) = torch.autograd.grad(lif(again, decay=0.5, backend="reference")[0].sum(), again)
    torch.testing.assert_close(grad, expected, rtol=1e-5, atol=1e-5)


def test_a_smaller_result_takes_the_memory_of_a_larger_one():
    x = empty(LARGE)
    at = x.data_ptr()
    del x
    gc.collect()
    smaller = [empty((LARGE[0] // 2, 3)) for _ in range(8)]
    assert at in {x.data_ptr() for x in smaller}


def kept():
    return sum(memory.nbytes for memory in buffers._free)


def test_no_more_is_kept_than_the_limit(monkeypatch):
    gc.collect()
    buffers._free.clear()  # something larger than the limit from before would push all else out
    buffers._returned.clear()
    monkeypatch.setattr(buffers, "MOST", 5 * LEAST)
    many = [empty((LEAST,), torch.uint8) for _ in range(20)]
    del many
    gc.collect()
    empty((LEAST,), torch.uint8)  # what came back is sorted when memory is next asked for
    assert 0 < kept() <= 5 * LEAST
