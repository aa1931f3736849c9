"""Norms answer PyTorch's own tools as its batch norms do."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, update_bn

from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.nn.batchnorm_spike import BatchNormSpike
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.slope import FixedSlope


def batches(count=3):
    return [(i + 1) * torch.randn(33, 5) + i for i in range(count)]


def test_update_bn_makes_a_mean_square_the_plain_mean_of_all_batches():
    norm, data = ScaleNorm(5), batches()
    norm(torch.full((4, 5), 99.0))  # what was seen before is forgotten
    update_bn(data, norm)
    wanted = torch.stack([x.square().mean(0) for x in data]).mean(0)
    torch.testing.assert_close(norm.mean_square, wanted)
    assert norm.momentum == 0.05


def test_update_bn_makes_moments_those_of_a_batch_norm_of_pytorch():
    fire, theirs, data = BatchNormSpike(5, FixedSlope(3.0)), nn.BatchNorm1d(5), batches()
    update_bn(data, fire)
    update_bn(data, theirs)
    torch.testing.assert_close(fire.mean, theirs.running_mean)
    torch.testing.assert_close(fire.variance * 33 / 32, theirs.running_var)  # theirs is unbiased


def test_silent_batches_do_not_count_in_the_plain_mean():
    one, two, data = ScaleNorm(5), ScaleNorm(5), batches()
    update_bn(data, one)
    update_bn([data[0], torch.zeros(7, 5), *data[1:], torch.zeros(0, 5)], two)
    assert torch.equal(one.mean_square, two.mean_square)


def test_a_norm_without_statistics_stays_one_without():
    fire = BatchNormSpike(5, FixedSlope(3.0), norm=False)
    update_bn(batches(), fire)
    assert not fire.mean.any()
    assert (fire.variance == 1).all()


def test_update_bn_reaches_every_norm_of_an_averaged_model(make, events):
    averaged = AveragedModel(copy.deepcopy(make()))
    before = {n: b.clone() for n, b in averaged.module.named_buffers() if n.endswith("mean_square")}
    update_bn([(events(seed=i), None) for i in range(2)], averaged)
    after = dict(averaged.module.named_buffers())
    assert before
    assert all(not torch.equal(after[name], old) for name, old in before.items())


def test_update_bn_reaches_dysvit():
    model = DySViT(config=DySViTConfig(image_size=8, width=16, depth=1))
    before = model.fire.mean.clone()
    update_bn([torch.randn(4, 3, 8, 8)], model)
    assert not torch.equal(model.fire.mean, before)


def test_whoever_freezes_batch_norms_finds_all_of_ours(make):
    norms = [m for m in make().modules() if isinstance(m, ScaleNorm)]
    assert norms
    assert all(isinstance(norm, _BatchNorm) for norm in norms)


def test_a_synchronised_norm_is_refused_rather_than_put_in_its_place():
    with pytest.raises(AttributeError, match="ScaleNorm"):
        nn.SyncBatchNorm.convert_sync_batchnorm(ScaleNorm(5))


@pytest.mark.parametrize("norm", [ScaleNorm(5), BatchNormSpike(5, FixedSlope(3.0))], ids=repr)
def test_state_holds_what_it_held_and_loads_without_metadata(norm):
    fresh = copy.deepcopy(norm)
    norm(3 * torch.randn(33, 5))
    state = dict(norm.state_dict())
    assert "num_batches_tracked" not in state
    fresh.load_state_dict(state)
    assert all(torch.equal(t, state[n]) for n, t in fresh.state_dict().items())
