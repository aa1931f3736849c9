import pytest
import torch
from torch.nn import functional as F

from neurosvt.nn.batchnorm_spike import BatchNormSpike
from neurosvt.nn.slope import FixedSlope, TokenSlope


def test_it_fires_where_the_normalised_current_reaches_one():
    fire, x = BatchNormSpike(5, FixedSlope(3.0)), 3 * torch.randn(33, 5) + 1
    spikes = fire(x)
    assert torch.equal(spikes, (F.batch_norm(x, None, None, training=True) >= 1).float())


def test_running_moments_serve_in_eval_mode():
    fire, x = BatchNormSpike(5, FixedSlope(3.0), momentum=1.0), 3 * torch.randn(33, 5) + 1
    learnt = fire(x)
    held = fire.mean.clone()
    assert torch.equal(fire.eval()(x), learnt)
    fire(x + 5)
    assert torch.equal(fire.mean, held)


def test_without_a_norm_the_current_itself_drives():
    fire, x = BatchNormSpike(5, FixedSlope(3.0), norm=False), torch.randn(33, 5)
    assert torch.equal(fire(x), (x >= 1).float())
    assert not fire.state_dict()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_spikes_learn_and_so_do_slopes(dtype):
    fire = BatchNormSpike(5, TokenSlope(5))
    x = torch.randn(33, 5, dtype=dtype, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype != torch.float32):
        spikes = fire(x)
    assert spikes.dtype == dtype
    spikes.sum().backward()
    assert x.grad.any()
    assert fire.weight.grad.any()
    assert fire.slope.answer.bias.grad.any()
    assert fire.slope.answer.bias.grad.isfinite().all()
