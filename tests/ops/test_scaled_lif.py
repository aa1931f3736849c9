"""Scale and neurons in one pass against the two one after the other."""

import pytest
import torch

from neurosvt.ops.lif import lif_rows
from neurosvt.ops.rows import pack
from neurosvt.ops.scale import scale_by_rms
from neurosvt.ops.scaled_lif import rms_lif_rows, scaled_lif_rows

EPS = 1e-5
types = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)


def touched(share=0.4, width=5, dtype=torch.float32, tokens=5):
    rows = pack(torch.rand(12, 2, tokens) < share)
    x = (3 * torch.randn(len(rows), width)).to(dtype)
    if len(rows) > 3:
        x[::3] = 0
    keep = (0.8 ** rows.elapsed[:, None]).float()
    return rows, x, torch.rand(width) + 0.5, torch.rand(len(rows.sorted_indices), width), keep


@types
@pytest.mark.parametrize(("share", "width"), [(0.4, 5), (1.0, 33), (0.05, 1), (0.0, 3)], ids=str)
def test_one_pass_gives_what_two_give(dtype, share, width):
    rows, x, gain, v, keep = touched(share, width, dtype)
    results = []
    for fused in (True, False):
        leaves = [t.clone().requires_grad_() for t in (x, gain, v)]
        if fused:
            spikes, left, mean_square = rms_lif_rows(
                *leaves[:2], EPS, leaves[2], batch_sizes=rows.batch_sizes, keep=keep
            )
        else:
            y, mean_square = scale_by_rms(*leaves[:2], EPS)
            spikes, left = lif_rows(y, leaves[2], batch_sizes=rows.batch_sizes, keep=keep)
        pull = torch.randn(spikes.shape, generator=torch.Generator().manual_seed(2))
        loss = (pull * spikes.float()).sum() + left.square().sum()
        grads = torch.autograd.grad(loss, leaves)
        results.append((spikes, left, mean_square, grads))
    one, two = results
    for mine, theirs in zip(one[:3], two[:3], strict=True):
        assert torch.equal(mine, theirs)
    torch.testing.assert_close(one[3], two[3], rtol=1e-5, atol=1e-5)
    assert one[0].dtype == one[3][0].dtype == dtype


@types
@pytest.mark.parametrize("share", [0.4, 0.0])
def test_a_given_scale_gives_what_two_steps_give(dtype, share):
    rows, x, scale, v, keep = touched(share, 17, dtype)
    spikes, left = scaled_lif_rows(x, scale, v, batch_sizes=rows.batch_sizes, keep=keep)
    expected, expected_left = lif_rows(
        x * scale.to(dtype), v, batch_sizes=rows.batch_sizes, keep=keep
    )
    assert torch.equal(spikes, expected)
    assert torch.equal(left, expected_left)


@pytest.mark.parametrize("backend", ["reference", "manual"])
def test_other_backends_agree(backend):
    rows, x, gain, v, keep = touched(0.7, 9)
    options = {"batch_sizes": rows.batch_sizes, "keep": keep}
    spikes, left, mean_square = rms_lif_rows(x, gain, EPS, v, backend=backend, **options)
    native, native_left, native_square = rms_lif_rows(x, gain, EPS, v, **options)
    torch.testing.assert_close(mean_square, native_square)
    assert (spikes != native).float().mean() < 0.01  # a mean differs in its last digit
    torch.testing.assert_close(left, native_left, rtol=1e-4, atol=1e-4)
    given, given_left = scaled_lif_rows(x, gain, v, backend=backend, **options)
    assert torch.equal(given, scaled_lif_rows(x, gain, v, **options)[0])
    torch.testing.assert_close(given_left, scaled_lif_rows(x, gain, v, **options)[1])


def test_a_given_scale_can_be_learnt():
    rows, x, scale, v, keep = touched(0.7, 9)
    scale.requires_grad_()
    spikes, _ = scaled_lif_rows(x, scale, v, batch_sizes=rows.batch_sizes, keep=keep)
    spikes.sum().backward()
    assert scale.grad.any()
