"""What a user froze stays as it was, and what learns learns."""

import copy

import pytest
import torch

from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective
from neurosvt.training.settings import TrainConfig


def trained(model, batches, **settings):
    fit(Training(model, TrainConfig(steps=6, batch=2, **settings)), batches, BeliefObjective())
    return model


def changed(model, before, named):
    after = model.state_dict()
    return {n for n in after if n.startswith(named) and not torch.equal(after[n], before[n])}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("by_mode", [True, False], ids=["also in eval mode", "by gradients alone"])
def test_frozen_parts_keep_weights_and_statistics(by_mode, optimizer, tiny_model, tiny_batches):
    model = tiny_model()
    for part in model.children():
        if part is not model.heads:
            part.requires_grad_(False).train(not by_mode)
    before = copy.deepcopy(model.state_dict())
    trained(model, tiny_batches(0, 2), optimizer=optimizer, weight_decay=0.5)
    assert changed(model, before, "") == {n for n in before if n.startswith("heads")}


def test_a_frozen_part_of_a_loaded_model_stays_frozen(tiny_model, tiny_batches):
    model = tiny_model().eval()
    model.memory.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    trained(model, tiny_batches(0, 2))
    assert not changed(model, before, "memory")
    assert changed(model, before, "embed") == {n for n in before if n.startswith("embed")}


def test_norms_in_eval_mode_keep_their_statistics_while_their_gains_learn(tiny_model, tiny_batches):
    model = tiny_model()
    norm = model.blocks[0].attention.norm.eval()
    before = copy.deepcopy(model.state_dict())
    trained(model, tiny_batches(0, 2))
    named = "blocks.0.attention.norm"
    assert changed(model, before, named) == {f"{named}.gain"}
    assert not norm.training


def test_a_look_that_thaws_everything_does_not_last(tiny_model, tiny_batches):
    """As loops that validate do: `model.eval()`, then `model.train()`."""
    model = tiny_model()
    model.embed.requires_grad_(False).eval()
    before = copy.deepcopy(model.state_dict())
    training = Training(model, TrainConfig(steps=6, batch=2))
    fit(training, tiny_batches(0, 3), BeliefObjective(), lambda record: model.train())
    assert not changed(model, before, "embed")


def test_a_part_thawed_between_two_fits_learns(tiny_model, tiny_batches):
    """The optimisers hold what does not learn yet."""
    model = tiny_model()
    model.embed.requires_grad_(False)
    training = Training(model, TrainConfig(steps=6, batch=2))
    fit(training, tiny_batches(0, 1), BeliefObjective())
    model.embed.requires_grad_(True).train()
    before = copy.deepcopy(model.state_dict())
    fit(training, tiny_batches(1, 2), BeliefObjective())
    assert changed(model, before, "embed") == {n for n in before if n.startswith("embed")}


def test_nothing_is_kept_of_a_failed_step_of_a_model_with_frozen_parts(tiny_model, tiny_batches):
    model = tiny_model()
    model.embed.requires_grad_(False).eval()
    before = copy.deepcopy(model.state_dict())
    model.heads.hidden.weight.register_hook(lambda grad: grad * torch.nan)
    with pytest.raises(ValueError, match="not finite"):
        trained(model, tiny_batches(0, 1))
    assert not changed(model, before, "")
