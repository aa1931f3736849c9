"""What is frozen, and modes that are given back."""

import pytest
from torch import nn

from neurosvt.nn.modes import frozen_modules, in_eval_mode, train_except


@pytest.fixture
def model():
    """Two parts with weights and statistics, and one that has neither."""
    parts = [nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2)]
    return nn.Sequential(*parts, nn.ReLU())


def trained(model):
    train_except(model, frozen_modules(model))
    return [name for name, module in model.named_modules() if module.training]


EVERYTHING = ["", "0", "0.0", "0.1", "1", "1.0", "1.1", "2"]


def test_where_nothing_is_frozen_all_is_trained(model):
    assert trained(model) == EVERYTHING


def test_a_loaded_model_is_trained_though_all_of_it_is_in_eval_mode(model):
    assert trained(model.eval()) == EVERYTHING
    assert trained(nn.Sequential(model.eval())) == ["", *(f"0.{n}".strip(".") for n in EVERYTHING)]


def test_a_part_in_eval_mode_stays_in_it(model):
    model[0].eval()
    assert trained(model) == ["", "1", "1.0", "1.1", "2"]


def test_a_norm_alone_may_be_in_eval_mode(model):
    model[0][1].eval()
    assert trained(model) == [n for n in EVERYTHING if n != "0.1"]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_part_without_gradients_is_not_trained(loaded, model):
    model.train(not loaded)[0].requires_grad_(False)
    assert trained(model) == ["", "1", "1.0", "1.1", "2"]


def test_one_frozen_weight_does_not_freeze_its_part(model):
    model[0][0].weight.requires_grad_(False)
    assert trained(model) == EVERYTHING


def test_every_module_gets_back_the_mode_it_had(model):
    model[0].eval()
    before = [m.training for m in model.modules()]
    with in_eval_mode([model]):
        assert not any(m.training for m in model.modules())
    assert [m.training for m in model.modules()] == before
    with pytest.raises(KeyError), in_eval_mode([model]):
        raise KeyError
    assert [m.training for m in model.modules()] == before
