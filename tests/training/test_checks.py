"""What cannot be learnt from is refused in one line that says why."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.loaders.clips import ClipBatch
from neurosvt.loaders.images import ImageBatch
from neurosvt.presence import Presence
from neurosvt.training.checks import checked_labels
from neurosvt.training.clips import ClipObjective
from neurosvt.training.images import ImageAnswer, ImageObjective, ImageTrainConfig
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefLoss, Truth


class Cost(NamedTuple):
    cost: Tensor


class Costs:
    """An objective that costs what it is told, of a linear layer's answer."""

    def __init__(self, cost):
        self.cost = cost

    def answer(self, model, batch):
        return model(batch)

    def loss(self, answer, batch):
        return self.cost(answer)


def learn(cost, model=None):
    training = Training(model or nn.Linear(2, 1), ImageTrainConfig(amp=False))
    fit(training, [torch.randn(3, 2)], Costs(cost))


def refused(message):
    """One line that a user can act on."""
    return pytest.raises(UserError, match=f"^[^\\n]*{message}[^\\n]*$")


def test_a_loss_that_is_a_named_tuple_of_numbers_is_learnt():
    learn(lambda answer: Cost(answer.mean()))


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (lambda y: y.mean(), r"named tuple.*a tensor of shape \(\)"),
        (lambda y: (y.mean(),), "named tuple.*got tuple"),
        (lambda y: Cost(y), r"'cost' must be a tensor of one number.*\(3, 1\)"),
        (lambda y: Cost(y.mean().item()), "'cost' must be a tensor of one number; got float"),
        (lambda y: Cost(y.detach().mean()), "depends on no parameter that learns"),
    ],
    ids=["a bare number", "no names", "not reduced", "no tensor", "detached"],
)
def test_a_loss_that_cannot_be_learnt_is_refused(cost, message):
    with refused(message):
        learn(cost)


@pytest.mark.parametrize("model", [nn.Linear(2, 1).requires_grad_(False), nn.ReLU()], ids=str)
def test_a_model_in_which_nothing_learns_is_refused(model):
    with refused("no parameter that learns"):
        learn(lambda y: Cost(y.mean()), model)


def test_a_model_in_half_precision_is_refused_and_told_of_amp():
    with refused(r"weight is float16.*model\.float\(\).*amp"):
        learn(lambda y: Cost(y.mean()), nn.Linear(2, 1).half())


def test_float64_learns():
    model = nn.Linear(2, 1).double()
    before = model.weight.detach().clone()
    training = Training(model, ImageTrainConfig(amp=False))
    fit(training, [torch.randn(3, 2).double()], Costs(lambda y: Cost(y.mean())))
    assert not torch.equal(model.weight, before)


WRONG_LABELS = [
    (torch.tensor([0, 5]), r"labels must lie in \[0, 3\), the classes; got 5"),
    (torch.tensor([0, -1]), r"labels must lie in \[0, 3\), the classes; got -1"),
    (torch.tensor([0.0, 1.0]), r"whole numbers, indices of classes; got torch\.float32"),
    (torch.tensor([True, False]), r"whole numbers, indices of classes; got torch\.bool"),
    (torch.tensor(1), r"labels must be of shape \(2,\), one an answer; got \(\)"),
    (torch.tensor([0, 1, 2]), r"labels must be of shape \(2,\), one an answer; got \(3,\)"),
]
"""Of two answers among three classes."""


@pytest.mark.parametrize(("label", "message"), WRONG_LABELS, ids=str)
def test_labels_that_are_none_are_refused_whatever_is_learnt(label, message):
    clip, image = torch.randn(4, 2, 3), torch.randn(2, 3)
    with refused(message):
        ClipObjective().loss(SimpleNamespace(class_logits=clip), clips(label))
    with refused(message):
        ImageObjective().loss(ImageAnswer(image, None), images(label))
    with refused(message):
        checked_labels(label, image)


def clips(label):
    return ClipBatch(torch.zeros(4, 2, 2, 8, 8, dtype=torch.bool), label)


def images(label):
    return ImageBatch(torch.zeros(2, 3, 8, 8), label, label, 1.0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64], ids=str)
def test_whole_numbers_of_any_kind_are_labels(dtype):
    label, logits = torch.tensor([0, 2]), torch.randn(4, 2, 3)
    wanted = ClipObjective().loss(SimpleNamespace(class_logits=logits), clips(label))
    found = ClipObjective().loss(SimpleNamespace(class_logits=logits), clips(label.to(dtype)))
    assert torch.equal(found.label, wanted.label)


def test_a_label_that_pytorch_leaves_out_is_left_out():
    logits = torch.randn(2, 3)
    assert checked_labels(torch.tensor([-100, 1]), logits).tolist() == [-100, 1]


def test_empty_batches_are_called_so():
    none = torch.zeros(0, dtype=torch.long)
    with refused("the batch is empty"):
        ClipObjective().loss(SimpleNamespace(class_logits=torch.zeros(4, 0, 3)), clips(none))
    empty = ImageBatch(torch.zeros(0, 3, 8, 8), none, none, 1.0)
    with refused("the batch is empty"):
        ImageObjective().loss(ImageAnswer(torch.zeros(0, 3), None), empty)


def belief(steps=4, batch=2):
    return SimpleNamespace(
        class_logits=torch.randn(steps, batch, 3),
        position=torch.rand(steps, batch, 2),
        presence_logits=torch.randn(steps, batch, len(Presence)),
    )


def truth(steps=4, batch=2, **parts):
    seen = torch.ones(steps, batch, dtype=torch.bool)
    known = Truth(seen.long(), torch.rand(steps, batch, 2), seen.long(), seen, seen)
    return known._replace(**parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"label": torch.full((4, 2), 7)}, r"labels must lie in \[0, 3\)"),
        ({"label": torch.ones(2).long()}, r"labels must be of shape \(4, 2\)"),
        ({"position": torch.rand(2, 2)}, r"position must be of shape \(4, 2, 2\).*got \(2, 2\)"),
        ({"presence": torch.ones(2).long()}, r"presence must be of shape \(4, 2\).*got \(2,\)"),
        ({"asked": torch.ones(2).bool()}, r"asked must be of shape \(4, 2\).*got \(2,\)"),
        ({"within": torch.ones(2).bool()}, r"within must be of shape \(4, 2\).*got \(2,\)"),
    ],
    ids=["class", "label", "position", "presence", "asked", "within"],
)
def test_a_truth_of_another_shape_is_refused_rather_than_spread(parts, message):
    known = truth(**parts)
    with refused(message):
        BeliefLoss()(belief(), known)


def test_an_empty_batch_is_refused_before_the_model_sees_it(tiny_training):
    frames, label = torch.zeros(4, 0, 2, 32, 32, dtype=torch.bool), torch.zeros(0).long()
    with refused(r"the batch is empty: its tensors are of shape \(4, 0, 2, 32, 32\), \(0,\)"):
        fit(tiny_training(), [ClipBatch(frames, label)], ClipObjective())
