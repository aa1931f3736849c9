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
from neurosvt.datasets.cifar10 import Images
from neurosvt.datasets.clips import Clips


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
