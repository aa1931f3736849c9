"""Products in float16: gradients are scaled, and what overflows is left out."""

import pytest
import torch

from neurosvt.config import UserError
from neurosvt.training import generators
from neurosvt.training.loop import fit
from neurosvt.training.losses import BeliefObjective
from neurosvt.training.scaling import GradientScale


def test_it_halves_where_gradients_overflow_and_doubles_after_many_whole_steps(monkeypatch):
    monkeypatch.setattr(GradientScale, "PATIENCE", 3)
    scale = GradientScale(8.0)
    assert [scale.update(good) for good in (True, True, False)] == [True] * 3
    assert (scale.factor, scale.whole) == (4.0, 0)
    for _ in range(3):
        scale.update(True)
    assert (scale.factor, scale.whole) == (8.0, 0)
    assert [scale.update(False) for _ in range(4)] == [True, True, True, False]


def test_without_a_scale_nothing_is_scaled_and_nothing_infinite_forgiven():
    scale, loss = GradientScale(), torch.tensor(3.0)
    assert scale.scaled(loss) is loss
    assert [scale.update(True) for _ in range(3000)] == [True] * 3000
    assert scale.factor == 1
    assert not scale.update(False)


def test_gradients_come_back_to_the_bit():
    gradients = [torch.randn(3, 4), torch.randn(5)]
    scaled = [g * 2.0**16 for g in gradients]
    GradientScale(2.0**16).unscale(scaled)
    assert all(torch.equal(one, two) for one, two in zip(scaled, gradients, strict=True))


@pytest.mark.parametrize("amp", [False, "bfloat16", "float16"])
def test_only_float16_is_scaled(amp, tiny_training):
    assert tiny_training(amp=amp).scale.factor == (2.0**16 if amp == "float16" else 1.0)


def test_training_in_float16_learns_as_in_float32(tiny_training, tiny_batches):
    """The first loss is the same but for rounding; then spikes part the ways, not far."""
    losses = []
    for amp in ("float16", False):
        said = []
        training = tiny_training(amp=amp)
        fit(training, tiny_batches(), BeliefObjective(0.0), lambda r, to=said: to.append(r))
        assert all(p.isfinite().all() for p in training.model.parameters())
        losses.append(torch.tensor([float(sum(record.loss)) for record in said]))
    torch.testing.assert_close(losses[0][0], losses[1][0], rtol=0.02, atol=0)
    torch.testing.assert_close(*losses, rtol=0.2, atol=0)


def test_a_step_that_overflows_changes_nothing_but_the_scale(tiny_training, tiny_batches):
    training = tiny_training(amp="float16")
    training.scale.factor = 2.0**140  # beyond what float32 holds of any loss
    before = {name: t.clone() for name, t in training.model.state_dict().items()}
    records = []
    fit(training, tiny_batches(0, 2), BeliefObjective(0.0), records.append)
    assert (training.step, training.scale.factor) == (2, 2.0**138)
    assert not any(torch.tensor(record.gradient_norm).isfinite() for record in records)
    assert not training.optimizers[0].state_dict()["state"]
    for name, t in training.model.state_dict().items():
        assert torch.equal(t, before[name]), name


def test_what_overflows_without_a_scale_ends_it(tiny_training, tiny_batches):
    training = tiny_training(amp="float16")
    training.scale.factor = 1.0
    with torch.no_grad():
        next(training.model.parameters()).fill_(torch.nan)
    with pytest.raises(UserError, match="not finite"):
        fit(training, tiny_batches(0, 1), BeliefObjective(0.0))


def test_a_checkpoint_holds_the_scale(tiny_training, tiny_batches, tmp_path):
    first, second = tiny_training(amp="float16"), tiny_training(amp="float16")
    first.scale = GradientScale(2.0**7, 12)
    first.save(tmp_path / "last.safetensors", {})
    second.restore(tmp_path / "last.safetensors")
    assert second.scale == first.scale


@pytest.fixture
def gpu_generator(monkeypatch):
    """A GPU's generator, as PyTorch asks for it."""
    held = {"state": torch.arange(16, dtype=torch.uint8)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: held["state"].clone())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda t, device: held.update(state=t))
    return held


def test_generators_are_those_of_the_device(gpu_generator):
    cpu, cuda = torch.device("cpu"), torch.device("cuda", 1)
    assert generators.generator_states(cpu).keys() == {"rng"}
    states = generators.generator_states(cuda)
    expected, gpu_before = torch.rand(3), gpu_generator["state"].clone()
    torch.rand(7)
    gpu_generator["state"] = torch.zeros(16, dtype=torch.uint8)
    generators.restore_generators(states, cpu)  # of the GPU nothing is asked there
    assert not gpu_generator["state"].any()
    generators.restore_generators(states, cuda)
    assert torch.equal(gpu_generator["state"], gpu_before)
    assert torch.equal(torch.rand(3), expected)


def test_states_are_taken_out_of_a_checkpoint():
    held = {"rng": torch.ones(1), "rng.cuda": torch.ones(2), "model.x": torch.ones(3)}
    assert generators.take_states(held).keys() == {"rng", "rng.cuda"}
    assert held.keys() == {"model.x"}
