import copy
import math

import pytest
import torch

from neurosvt.config import ConfigError, UserError, build
from neurosvt.training import checkpoint
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective
from neurosvt.training.schedule import warmup_cosine
from neurosvt.training.settings import TrainConfig


def everything(training):
    """All that decides how a training goes on, copied."""
    tensors = {f"model.{n}": t for n, t in training.model.state_dict().items()}
    tensors |= checkpoint.optimizer_tensors(training.optimizers)
    return {name: t.clone() for name, t in tensors.items()}


def assert_same(one, two):
    assert one.keys() == two.keys()
    different = [name for name in one if not torch.equal(one[name], two[name])]
    assert not different


@pytest.mark.parametrize("memory", ["leaky", "lif", "none"])
@pytest.mark.parametrize("amp", [True, False], ids=["bf16", "fp32"])
def test_stopped_and_resumed_equals_uninterrupted(
    memory, amp, tiny_training, tiny_batches, tmp_path
):
    def begin():
        return tiny_training(memory, amp=amp, state_noise=0.01)

    whole, losses = begin(), []
    fit(whole, tiny_batches(0, 3), BeliefObjective(whole.config.state_noise), losses.append)
    whole.history.append({"step": 3, "score": 1 / 3})
    fit(whole, tiny_batches(3, 6), BeliefObjective(whole.config.state_noise), losses.append)
    random_after = torch.get_rng_state()

    first = begin()
    fit(first, tiny_batches(0, 3), BeliefObjective(first.config.state_noise))
    first.history.append({"step": 3, "score": 1 / 3})
    path = tmp_path / "last.safetensors"
    first.save(path, {"run": {}})
    torch.manual_seed(99)  # another process would not stand where this one stopped
    second, losses_again = begin(), []
    second.restore(path)
    assert second.step == 3
    fit(second, tiny_batches(3, 6), BeliefObjective(second.config.state_noise), losses_again.append)

    assert_same(everything(whole), everything(second))
    assert torch.equal(torch.get_rng_state(), random_after)
    assert second.step == whole.step == 6
    assert second.history == whole.history
    for one, two in zip(losses[3:], losses_again, strict=True):
        assert (one.loss, one.gradient_norm, one.rate, one.step) == (
            two.loss, two.gradient_norm, two.rate, two.step,
        )  # fmt: skip


def test_saving_changes_nothing(tiny_training, tiny_batches, tmp_path):
    training = tiny_training()
    fit(training, tiny_batches(0, 2), BeliefObjective(training.config.state_noise))
    before, random = everything(training), torch.get_rng_state()
    training.save(tmp_path / "last.safetensors", {})
    assert_same(before, everything(training))
    assert torch.equal(random, torch.get_rng_state())


def test_state_noise_reaches_the_training(tiny_training, tiny_batches):
    """Or resuming its random state would prove nothing."""
    quiet, noisy = (tiny_training(state_noise=noise) for noise in (0.0, 0.3))
    for training in (quiet, noisy):
        fit(training, tiny_batches(0, 2), BeliefObjective(training.config.state_noise))
    assert not torch.equal(quiet.model.heads.hidden.weight, noisy.model.heads.hidden.weight)


def test_what_holds_weights_only_is_not_resumed(tiny_training, tmp_path):
    training = tiny_training()
    path = tmp_path / "best.safetensors"
    checkpoint.write_tensors(path, training.model.state_dict(), {})
    with pytest.raises(UserError, match="holds weights only"):
        training.restore(path)


def test_a_checkpoint_of_another_shape_is_not_resumed(tiny_training, tiny_model, tmp_path):
    path = tmp_path / "last.safetensors"
    Training(tiny_model(width=16), TrainConfig()).save(path, {})
    training = tiny_training()
    with pytest.raises(UserError, match=r"the model wants"):
        training.restore(path)


def _first(tensors, part):
    return next(n for n, t in tensors.items() if n.startswith(part) and t.dim())


DAMAGES = {
    "no optimiser": (
        lambda tensors, facts: [tensors.pop(n) for n in list(tensors) if n[:9] == "optimizer"],
        "lacks the optimiser's state",
    ),
    "NaN in the optimiser": (
        lambda tensors, facts: tensors[_first(tensors, "optimizer.")].fill_(math.nan),
        "the optimiser's '.*' holds numbers that are not finite",
    ),
    "an optimiser of another shape": (
        lambda tensors, facts: tensors.update({_first(tensors, "optimizer."): torch.zeros(3, 5)}),
        r"the optimiser's '.*' is \(3, 5\), its parameter",
    ),
    "an optimiser of more parameters": (
        lambda tensors, facts: tensors.update({"optimizer.9999.exp_avg": torch.zeros(1)}),
        "unknown '9999.exp_avg'",
    ),
    "NaN in the weights": (
        lambda tensors, facts: tensors[_first(tensors, "model.")].fill_(math.nan),
        "holds numbers that are not finite",
    ),
    "weights missing": (lambda tensors, facts: tensors.pop(_first(tensors, "model.")), "lacks"),
    "a tensor of nothing": (
        lambda tensors, facts: tensors.update({"else": torch.zeros(1)}), "unknown 'else'",
    ),
    "no step": (lambda tensors, facts: facts.pop("step"), "after how many steps"),
    "a step that is none": (lambda tensors, facts: facts.update(step=-3), "after how many steps"),
    "no history": (lambda tensors, facts: facts.update(history=None), "after how many steps"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_changes_nothing(
    damage, tiny_training, tiny_batches, tmp_path
):
    trained, path = tiny_training(), tmp_path / "last.safetensors"
    fit(trained, tiny_batches(0, 2), BeliefObjective(trained.config.state_noise))
    trained.save(path, {})
    tensors, facts = checkpoint.read_tensors(path)
    spoil, line = DAMAGES[damage]
    spoil(tensors, facts)
    checkpoint.write_tensors(path, tensors, facts)
    training = tiny_training()
    before, random = everything(training), torch.get_rng_state()
    with pytest.raises(UserError, match=line):
        training.restore(path)
    assert_same(before, everything(training))
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=str)
@pytest.mark.parametrize(
    "layer", ["embed.project", "blocks.0.attention.qkv", "memory.read", "heads.hidden"]
)
def test_a_gradient_that_is_not_finite_names_its_layer(bad, layer, tiny_training, tiny_batches):
    training = tiny_training()
    modules = dict(training.model.named_modules())
    weight = next(modules[layer].parameters(recurse=False))
    weight.register_hook(lambda grad: torch.full_like(grad, bad))
    with pytest.raises(UserError, match="gradient not finite at step 0") as error:
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))
    others = set(modules) - {layer} - {name for name in modules if layer.startswith(name)}
    named = str(error.value).partition(" in ")[2].partition(";")[0].split(", ")
    assert layer in named
    assert not others & set(named)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("layer", ["memory.read", "heads.hidden", "heads.answer"])
def test_a_weight_that_is_no_number_is_named(layer, tiny_training, tiny_batches):
    """Its NaN reaches the gradients of all that lies before it; the culprit is what helps."""
    training = tiny_training()
    weight = next(training.model.get_submodule(layer).parameters(recurse=False))
    with torch.no_grad():
        weight.view(-1)[0] = math.nan
    with pytest.raises(UserError, match="not finite") as error:
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))
    assert layer in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("layer", ["blocks.0.contract", "heads.hidden"])
def test_a_layer_that_says_what_is_no_number_is_named(layer, tiny_training, tiny_batches):
    """As an overflow in its forward pass would."""
    training = tiny_training()
    training.model.get_submodule(layer).register_forward_hook(lambda m, given, out: out * math.nan)
    with pytest.raises(UserError, match="not finite") as error:
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))
    assert layer in str(error.value)


def test_the_layer_is_looked_for_in_the_precision_that_failed(tiny_training, tiny_batches):
    """What overflows in bfloat16 alone is fine when looked at in float32."""
    training = tiny_training(amp=True)
    training.model.heads.hidden.register_forward_hook(
        lambda module, given, out: out * math.nan if out.dtype == torch.bfloat16 else out
    )
    with pytest.raises(UserError, match=r"heads\.hidden"):
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))


def test_gradients_too_large_to_measure_are_called_so(tiny_training, tiny_batches):
    training = tiny_training()
    training.model.heads.answer.weight.register_hook(lambda grad: torch.full_like(grad, 1e30))
    with pytest.raises(UserError, match="norm overflows"):
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))


@pytest.mark.parametrize("bad", [math.nan, math.inf], ids=str)
def test_nothing_is_kept_of_a_step_that_failed(bad, tiny_training, tiny_batches):
    training = tiny_training()
    fit(training, tiny_batches(0, 2), BeliefObjective(training.config.state_noise))
    before = everything(training)
    training.model.heads.hidden.weight.register_hook(lambda grad: torch.full_like(grad, bad))
    told = []
    with pytest.raises(UserError):
        fit(training, tiny_batches(2, 3), BeliefObjective(training.config.state_noise), told.append)
    assert not told
    assert training.step == 2
    learnt = dict(training.model.named_parameters())
    after = everything(training)
    assert_same(
        {n: t for n, t in before.items() if n.removeprefix("model.") in learnt or n[0].isdigit()},
        {n: t for n, t in after.items() if n.removeprefix("model.") in learnt or n[0].isdigit()},
    )


def test_running_statistics_are_not_kept_either_of_a_step_that_failed(tiny_training, tiny_batches):
    training = tiny_training()
    before = everything(training)
    training.model.heads.hidden.weight.register_hook(lambda grad: grad * math.nan)
    with pytest.raises(UserError):
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))
    assert_same(before, everything(training))


def test_a_step_may_be_left_out_and_the_others_are_as_if_it_had_not_been(
    tiny_training, tiny_batches
):
    one, other = tiny_training(), tiny_training()
    objective, told, records = BeliefObjective(), [], []
    fit(one, tiny_batches(0, 2), objective)
    fit(other, tiny_batches(0, 2), objective)
    hook = one.model.heads.hidden.weight.register_hook(lambda grad: grad * math.nan)
    fit(one, tiny_batches(2, 3), objective, records.append, told.append)
    hook.remove()
    assert told == ["gradient not finite at step 2 in heads.hidden: the step is left out"]
    assert [record.step for record in records] == [3]
    other.step = 3  # the schedule goes on
    for training in (one, other):
        fit(training, tiny_batches(3, 5), objective, on_nan=told.append)
    assert_same(everything(one), everything(other))
    assert len(told) == 1


def test_ten_steps_in_a_row_are_not_left_out(tiny_training, tiny_batches):
    training, told = tiny_training(), []
    training.model.heads.hidden.weight.register_hook(lambda grad: grad * math.nan)
    with pytest.raises(UserError, match=r"at step 9 in heads\.hidden, the 10th in a row"):
        fit(training, tiny_batches(0, 12), BeliefObjective(), on_nan=told.append)
    assert len(told) == 9


def test_watchers_are_told_of_every_step_in_order(tiny_training, tiny_batches):
    training, records = tiny_training(), []
    fit(training, tiny_batches(0, 4), BeliefObjective(training.config.state_noise), records.append)
    cfg = training.config
    assert [r.step for r in records] == [1, 2, 3, 4]
    assert [r.rate for r in records] == [
        warmup_cosine(step, cfg.steps, cfg.rate, cfg.warmup) for step in range(4)
    ]
    for record in records:
        assert record.seconds > 0
        assert 0 <= record.waited <= 1
        assert all(math.isfinite(part) and not part.requires_grad for part in record.loss)


def test_steps_are_clipped(tiny_training, tiny_batches):
    """The norm that is told is the one before clipping; what is applied is not above it."""
    training, norms = tiny_training(clip=1e-3), []
    fit(
        training,
        tiny_batches(0, 1),
        BeliefObjective(training.config.state_noise),
        lambda r: norms.append(r.gradient_norm),
    )
    applied = torch.stack([p.grad.square().sum() for p in training.model.parameters()]).sum().sqrt()
    assert norms[0] > 1e-3
    assert applied.item() == pytest.approx(1e-3, rel=1e-2)


def test_training_goes_on_in_training_mode_after_a_look_in_eval_mode(tiny_training, tiny_batches):
    """Validation leaves the model in eval mode, in which norms would stop learning."""

    def look(record):
        training.model.eval()

    training = tiny_training()
    fit(training, tiny_batches(0, 2), BeliefObjective(training.config.state_noise), look)
    whole = tiny_training()
    fit(whole, tiny_batches(0, 2), BeliefObjective(whole.config.state_noise))
    assert_same(everything(whole), everything(training))


def test_one_batch_can_be_learnt_by_heart(tiny_training, tiny_batches):
    training, costs = tiny_training(steps=60, rate=0.02, amp=False), []
    fit(
        training,
        tiny_batches(0, 1) * 60,
        BeliefObjective(training.config.state_noise),
        lambda r: costs.append(sum(part.item() for part in r.loss)),
    )
    assert sum(costs[-5:]) / 5 < 0.5 * costs[0]


@pytest.mark.parametrize(
    "setting",
    [
        {"steps": 0}, {"batch": 0}, {"validate_every": 0}, {"rate": 0.0}, {"clip": -1.0},
        {"seed": -1}, {"weight_decay": -1.0}, {"state_noise": -0.1}, {"rate": math.nan},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be_are_named(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=name):
        build(TrainConfig, setting)


def test_a_training_copies_nothing_that_it_was_given(tiny_training):
    """The model trained is the model handed in."""
    training = tiny_training()
    twin = copy.deepcopy(training.model)
    assert Training(twin, training.config).model is twin
