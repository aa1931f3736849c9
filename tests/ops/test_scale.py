"""Division by the root mean square: native kernels, PyTorch form and definition agree."""

import pytest
import torch

from neurosvt.ops import native
from neurosvt.ops.scale import scale_by_rms, scale_by_rms_reference

EPS = 1e-5


@pytest.fixture(params=["kernels", "pytorch"])
def path(request, monkeypatch):
    """Both ways to the same numbers; without a compiler the first is the second."""
    if request.param == "pytorch":
        monkeypatch.setattr(native, "BUILT", False)
    return request.param


def rows_with_gaps(rows, width, dtype=torch.float32):
    x = 3 * torch.randn(rows, width)
    x[::3] = 0
    return x.to(dtype)


@pytest.mark.parametrize("shape", [(2, 1), (1, 3), (7, 5), (33, 17)], ids=str)
def test_values_and_gradients_agree_with_the_definition(path, shape):
    x, gain, weight = rows_with_gaps(*shape), torch.randn(shape[1]), torch.randn(shape)
    results = []
    for op in (scale_by_rms, scale_by_rms_reference):
        leaves = x.clone().requires_grad_(), gain.clone().requires_grad_()
        y, mean_square = op(*leaves, EPS)
        grads = torch.autograd.grad((weight * y).sum(), leaves)
        results.append((y, mean_square, grads))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-4)


def test_gradient_is_exact_in_double_precision():
    x = torch.randn(7, 3, dtype=torch.double)
    x[2, :2] = 0  # a zero is no zero row, whose count no small step would leave as it is
    x.requires_grad_()
    gain = torch.randn(3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, gain: scale_by_rms(x, gain, EPS)[0], (x, gain))


def test_mean_square_solved_by_hand(path):
    x = torch.tensor([[3.0, 0.0], [0.0, 0.0], [-1.0, 2.0]])
    y, mean_square = scale_by_rms(x, torch.tensor([1.0, 2.0]), 0.0)
    assert mean_square.tolist() == [5, 2]  # over two rows: the one that is all zero is not counted
    torch.testing.assert_close(y, x * torch.tensor([5**-0.5, 2 * 2**-0.5]))


def test_zero_rows_do_not_count(path):
    x, gain = torch.randn(9, 5), torch.ones(5)
    padded = torch.cat([torch.zeros(20, 5), x, torch.zeros(3, 5)])
    y, mean_square = scale_by_rms(padded, gain, EPS)
    alone, mean_square_alone = scale_by_rms(x, gain, EPS)
    torch.testing.assert_close(mean_square, mean_square_alone)
    torch.testing.assert_close(y[20:29], alone)
    assert not y[:20].any()
    assert not y[29:].any()


def test_zero_in_zero_out(path):
    x = torch.zeros(4, 3, requires_grad=True)
    y, mean_square = scale_by_rms(x, torch.ones(3), EPS)
    y.sum().backward()
    assert not y.any()
    assert not mean_square.any()
    assert x.grad.isfinite().all()


def test_strength_of_the_input_does_not_matter(path):
    x, gain = torch.randn(9, 5), torch.randn(5)
    weak, strong = scale_by_rms(x, gain, 0.0)[0], scale_by_rms(64 * x, gain, 0.0)[0]
    torch.testing.assert_close(weak, strong)


def test_half_precision_keeps_its_type_and_a_float32_statistic(path):
    x = rows_with_gaps(33, 5, torch.bfloat16).requires_grad_()
    gain = torch.rand(5).requires_grad_()
    y, mean_square = scale_by_rms(x, gain, EPS)
    expected, expected_square = scale_by_rms_reference(x.detach().float(), gain, EPS)
    assert (y.dtype, mean_square.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(mean_square, expected_square, rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(y.float(), expected, rtol=2e-2, atol=2e-2)
    y.float().square().sum().backward()
    assert (x.grad.dtype, gain.grad.dtype) == (torch.bfloat16, torch.float32)


def test_inputs_in_another_layout_give_the_same(path):
    x, gain = torch.randn(5, 9).T, torch.randn(10)[::2]
    assert not x.is_contiguous()
    y, mean_square = scale_by_rms(x, gain, EPS)
    again, mean_square_again = scale_by_rms(x.contiguous(), gain.clone(), EPS)
    assert torch.equal(y, again)
    assert torch.equal(mean_square, mean_square_again)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sums_of_many_rows_lose_nothing_to_rounding(dtype):
    """One sum after the other would be off by several millionths."""
    torch.manual_seed(0)
    x = torch.randn(20_000, 70).to(dtype)
    found = scale_by_rms(x, torch.ones(70), 1e-5, backend="native")[1]
    exact = x.double().square().mean(0)
    torch.testing.assert_close(found.double(), exact, rtol=1.5e-6, atol=0)
