import math

import pytest
import torch
from torch import nn

from neurosvt.config import ConfigError, build
from neurosvt.loaders.images import ImageBatch
from neurosvt.training.images import ImageAnswer, ImageObjective, ImageTrainConfig


@pytest.fixture
def batch():
    label, other = torch.tensor([0, 1, 2, 2, 0]), torch.tensor([1, 1, 0, 2, 2])
    return ImageBatch(torch.randn(5, 3, 4, 4), label, other, 0.7)


def test_a_mixed_image_costs_what_each_of_its_labels_costs(batch):
    logits = torch.randn(5, 3)
    parts = ImageObjective().loss(ImageAnswer(logits, None), batch)
    chances = logits.softmax(1)
    by_hand = 0.0
    for i in range(5):
        by_hand -= 0.7 * math.log(chances[i, batch.label[i]]) / 5
        by_hand -= 0.3 * math.log(chances[i, batch.other[i]]) / 5
    assert parts.label.item() == pytest.approx(by_hand, rel=1e-5)
    assert parts.teacher == 0


def test_whoever_says_what_the_teacher_says_pays_nothing_for_it(batch):
    logits = torch.randn(5, 3, requires_grad=True)
    taught = logits.detach() + 2  # scores are known up to a constant
    parts = ImageObjective(nn.Identity(), 1.0, 3.0).loss(ImageAnswer(logits, taught), batch)
    sum(parts).backward()
    torch.testing.assert_close(torch.stack(parts).detach(), torch.zeros(2))
    torch.testing.assert_close(logits.grad, torch.zeros(5, 3), atol=1e-6, rtol=0)


def test_another_answer_costs_its_divergence_at_the_temperature(batch):
    logits, taught = torch.randn(2, 5, 3)
    objective = ImageObjective(nn.Identity(), 0.25, 2.0)
    parts = objective.loss(ImageAnswer(logits, taught), batch)
    p, q = (taught / 2).softmax(1), (logits / 2).softmax(1)
    divergence = (p * (p / q).log()).sum() / 5
    torch.testing.assert_close(parts.teacher, 0.25 * 4 * divergence)
    alone = ImageObjective().loss(ImageAnswer(logits, None), batch)
    torch.testing.assert_close(parts.label, 0.75 * alone.label)


def test_the_teacher_sees_what_the_model_sees_and_learns_nothing(batch):
    teacher, model = (nn.Sequential(nn.Flatten(), nn.Linear(48, 3)) for _ in range(2))
    objective = ImageObjective(teacher, 0.5)
    answer = objective.answer(model, batch)
    torch.testing.assert_close(answer.taught, teacher(batch.images))
    sum(objective.loss(answer, batch)).backward()
    assert model[1].weight.grad is not None
    assert teacher[1].weight.grad is None


@pytest.mark.parametrize("setting", [{"teacher_share": 1.1}, {"temperature": 0.0}], ids=str)
def test_settings_that_cannot_be_are_named(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=name):
        build(ImageTrainConfig, setting)
