"""Attention by frame is attention within each frame, forwards and backwards."""

import pytest
import torch

from neurosvt.native import library
from neurosvt.ops import attention_by_frame as module
from neurosvt.ops.attention_by_frame import attention_by_frame
from neurosvt.ops.rows import pack

pytestmark = pytest.mark.skipif(library() is None, reason="the kernels were not built")

SHAPES = [(1, 1), (2, 3), (3, 16), (4, 8), (1, 33)]


def some(heads, width, share=0.3, dtype=torch.float32):
    rows = pack(torch.rand(7, 2, 9) < 0.5)
    qkv = (torch.rand(len(rows), 3, heads, width) < share).to(dtype)
    return qkv, rows.order, rows.starts


@pytest.mark.parametrize(("heads", "width"), SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_spikes_give_the_definition_to_the_bit(heads, width, share, dtype):
    given = some(heads, width, share, dtype)
    found = attention_by_frame(*given)
    assert found.dtype == dtype
    assert torch.equal(found, module._definition(given[0].float(), *given[1:]).to(dtype))


@pytest.mark.parametrize(("heads", "width"), SHAPES)
@pytest.mark.parametrize("binary", [True, False])
def test_gradients_are_those_of_the_definition(heads, width, binary):
    qkv, order, starts = some(heads, width)
    qkv = (qkv if binary else torch.randn_like(qkv)).requires_grad_()
    pull = torch.randn(len(qkv), heads, width)
    ways = attention_by_frame, module._definition
    found = [torch.autograd.grad((way(qkv, order, starts) * pull).sum(), qkv)[0] for way in ways]
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)


def test_no_rows_attend_to_nothing():
    rows = pack(torch.zeros(3, 2, 5, dtype=torch.bool))
    assert attention_by_frame(torch.zeros(0, 3, 2, 4), rows.order, rows.starts).shape == (0, 2, 4)


@pytest.mark.parametrize(("heads", "width"), [(2, 0), (0, 4)])
def test_heads_without_numbers_attend_to_nothing(heads, width):
    """It wrote where nothing was reserved."""
    qkv, order, starts = some(heads, width)
    qkv.requires_grad_()
    attention_by_frame(qkv, order, starts).sum().backward()
    assert qkv.grad.shape == (len(qkv), 3, heads, width)


@pytest.mark.parametrize("wrong", ["order", "starts", "falling"])
def test_an_index_that_leads_nowhere_is_refused(wrong):
    qkv, order, starts = some(2, 4)
    order, starts = order.clone(), starts.clone()
    if wrong == "order":
        order[0] = len(order)
    elif wrong == "starts":
        starts[-1] += 1
    else:
        starts[1] = starts[-1]
        starts[2] = 0
    with pytest.raises(ValueError, match="lies outside"):
        attention_by_frame(qkv, order, starts)
