from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from neurosvt.classification.accuracy import (
    accuracy_row,
    confusion,
    confusion_rows,
    confusion_table,
    predict_classes,
)
from neurosvt.config import UserError
from neurosvt.datasets.cifar10 import Images
from neurosvt.datasets.clips import Clips
from neurosvt.ops import precision


class ByBrightness(nn.Module):
    """Names the class whose number an image is as bright as, in tens."""

    def forward(self, images):
        grey = (images[:, 0, 0, 0] * 0.2023 + 0.4914) * 25.5
        return -(grey[:, None] - torch.arange(10)).square()


class ByLastFrame(nn.Module):
    """Names as many as there are events in the frame at hand."""

    def forward(self, frames):
        counts = frames.flatten(2).sum(-1)
        scores = -(counts[..., None] - torch.arange(10)).square()
        return SimpleNamespace(class_logits=scores), None


def test_an_image_is_named_by_the_largest_score():
    labels = np.arange(23) % 10
    pixels = np.broadcast_to(10 * labels[:, None, None, None], (23, 3, 32, 32)).astype(np.uint8)
    images = Images(pixels, labels)
    assert predict_classes(ByBrightness(), images, batch=7).tolist() == labels.tolist()


@pytest.mark.parametrize("batch", [1, 3, None])
def test_a_clip_is_named_after_its_last_frame(batch):
    frames = np.zeros((5, 3, 2, 4, 8), bool)
    frames[:, 0] = True
    for clip in range(5):
        frames[clip, -1].reshape(-1)[:clip] = True
    clips = Clips(
        np.packbits(frames, axis=-1).reshape(15, 2, 4, 1), np.arange(5) * 3, 3, np.zeros(5, int), 8
    )
    assert predict_classes(ByLastFrame(), clips, batch=batch).tolist() == [0, 1, 2, 3, 4]


def test_the_row_and_the_table_count_the_same():
    labels, said = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    row, table = accuracy_row(said, labels), confusion(said, labels, 4)
    assert table.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert row["accuracy"] == table.trace() / table.sum() == 4 / 6
    assert row["samples"] == 6
    assert row["low"] <= 4 / 6 <= row["high"]


def test_the_table_for_people_and_the_rows_hold_the_same_counts():
    counts = np.array([[2, 1], [0, 3]])
    rows = confusion_rows(counts, ("cat", "dog"))
    assert rows[1] == {"shown": "cat", "named": "dog", "samples": 1}
    assert [row["samples"] for row in rows] == counts.ravel().tolist()
    table = confusion_table(counts, ("cat", "dog"))
    assert list(table.columns[2].cells) == ["1", "3"]
    assert list(table.columns[1].cells) == ["2", ""]  # what never happened is left out


class Counting(nn.Module):
    """Names class 0, by way of a norm that learns in training mode."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        return self.norm(images).flatten(1)[:, :10]


@pytest.mark.parametrize("training", [True, False])
def test_a_model_is_asked_in_eval_mode_and_left_in_its_own(training):
    images = Images(np.zeros((5, 3, 32, 32), np.uint8), np.zeros(5, np.int64))
    model = Counting().train(training)
    predict_classes(model, images)
    assert not model.norm.running_mean.any()
    assert model.norm.training is training


def test_products_are_taken_as_amp_says(monkeypatch):
    images, kinds = Images(np.zeros((5, 3, 32, 32), np.uint8), np.zeros(5, np.int64)), []
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    model.register_forward_hook(lambda module, given, out: kinds.append(out.dtype))
    for has in (True, False):
        monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device, has=has: has)
        predict_classes(model, images, amp="auto")
    predict_classes(model, images)
    assert kinds == [torch.bfloat16, torch.float32, torch.float32]


def test_nothing_is_named_or_judged_of_no_samples():
    none = Images(np.zeros((0, 3, 32, 32), np.uint8), np.zeros(0, np.int64))
    with pytest.raises(UserError, match="no samples to be named"):
        predict_classes(ByBrightness(), none)
    with pytest.raises(UserError, match="0 names cannot be held against 0 labels"):
        accuracy_row(none.labels, none.labels)
    with pytest.raises(UserError, match="3 names cannot be held against 2 labels"):
        accuracy_row(np.zeros(3, np.int64), np.zeros(2, np.int64))


def test_a_batch_below_one_is_refused():
    one = Images(np.zeros((1, 3, 32, 32), np.uint8), np.zeros(1, np.int64))
    with pytest.raises(UserError, match="batch must be at least 1, got 0"):
        predict_classes(ByBrightness(), one, batch=0)


@pytest.mark.parametrize("side", ["predicted", "labels"])
def test_a_number_that_is_no_class_is_confused_with_none(side):
    numbers = {"predicted": np.array([0, 1]), "labels": np.array([0, 1]), side: np.array([0, 4])}
    with pytest.raises(UserError, match=rf"{side} must lie in \[0, 3\), the classes; got 4"):
        confusion(**numbers, classes=3)
