"""A training is the same whatever computes it."""

import pytest
import torch

from neurosvt.experiments.registry import load_run
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective
from neurosvt.training.settings import TrainConfig


def begin(tiny_model, backend, memory="leaky", steps=50, **settings):
    model = tiny_model(memory, backend=backend)
    return Training(model, TrainConfig(steps=steps, batch=2, amp=False, **settings))


@pytest.mark.parametrize("memory", ["leaky", "lif", "none"])
def test_the_first_gradients_are_those_of_the_definition(memory, tiny_model, tiny_batches):
    found = {}
    for backend in ("auto", "reference"):
        training = begin(tiny_model, backend, memory)
        fit(training, tiny_batches(0, 1), BeliefObjective(training.config.state_noise))
        found[backend] = {n: p.grad for n, p in training.model.named_parameters()}
    for name, gradient in found["reference"].items():
        if gradient is not None:
            torch.testing.assert_close(found["auto"][name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "memory",
    ["leaky", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lif", "none"))],
)
def test_fifty_steps_in_double_precision_are_those_of_the_definition(
    memory, tiny_model, tiny_batches
):
    """Without roundings to part them, two ways of the same must not part."""
    found = {}
    for backend in ("auto", "reference"):
        training = begin(tiny_model, backend, memory, state_noise=0.01)
        training.model.double()
        losses = []
        fit(
            training,
            tiny_batches(0, 6) * 9,
            BeliefObjective(training.config.state_noise),
            losses.append,
        )
        found[backend] = training.model.state_dict(), [record.loss for record in losses]
    torch.testing.assert_close(found["auto"], found["reference"], rtol=1e-8, atol=1e-10)


@pytest.mark.slow
def test_losses_in_half_precision_stay_beside_those_of_the_definition():
    """200 steps of the run that ships: the last 50 losses, on average, within 2 %.

    Trainings part ways from any rounding: weights changed by a millionth move this mean by up to
    4 %. So three starts of each are averaged, which differ by as little.
    """
    run = load_run("permanence_stage1")
    stream, objective = run.stream(), BeliefObjective(run.train.state_noise)
    means = []
    for backend in ("auto", "reference"):
        losses = []
        for start in range(3):
            torch.manual_seed(0)
            model = NeuroSVT(run.model, backend)
            near = torch.Generator().manual_seed(start)
            with torch.no_grad():
                for parameter in model.parameters():
                    apart = 1e-6 * torch.randn(parameter.shape, generator=near)
                    parameter.mul_(1 + apart if start else 1)
            batches = (stream[i] for i in range(200))
            told = []
            fit(Training(model, run.train), batches, objective, told.append)
            losses += [float(sum(record.loss)) for record in told[-50:]]
        means.append(sum(losses) / len(losses))
    assert means[0] == pytest.approx(means[1], rel=0.02)
