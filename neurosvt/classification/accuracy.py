"""How often a classifier is right.

Axes: M samples, C classes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from rich.table import Table
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.datasets.cifar10 import Images
from neurosvt.datasets.clips import Clips
from neurosvt.loaders.images import normalise_images
from neurosvt.nn.modes import in_eval_mode
from neurosvt.nn.weights import device_of
from neurosvt.ops.precision import Amp, products_in
from neurosvt.stats import share_interval


@torch.no_grad()
def predict_classes(
    model: Callable[[Tensor], Any],
    samples: Images | Clips,
    *,
    batch: int | None = None,
    amp: Amp = False,
) -> np.ndarray:
    """(M,) int64: the class that the model names for each; of a clip, after its last frame.

    Args:
        model: images (B, 3, Y, X) to logits (B, C), or frames (T, B, 2, Y, X) to a belief with
            `class_logits` (T, B, C) and a state. A module is asked in eval mode, and left in its
            own; anything else, such as `engine.images.ImageEngine`, is asked as it is, on the CPU.
        samples: to be named.
        batch: how many at a time, which changes nothing else; None for a size that suits them.
        amp: whether products are bfloat16; "auto" where the hardware computes in it.

    Raises:
        UserError: there are no samples, or `batch` is below 1.
    """
    if not len(samples):
        raise UserError("there are no samples to be named")
    if batch is not None and batch < 1:
        raise UserError(f"batch must be at least 1, got {batch}")
    size = batch or (250 if isinstance(samples, Images) else 16)
    with in_eval_mode([model] if isinstance(model, nn.Module) else []):
        return np.concatenate([
            _named(model, samples, np.arange(start, min(start + size, len(samples))), amp)
            for start in range(0, len(samples), size)
        ])  # fmt: skip


def _named(
    model: Callable[[Tensor], Any], samples: Images | Clips, which: np.ndarray, amp: Amp
) -> np.ndarray:
    device = device_of(model) if isinstance(model, nn.Module) else torch.device("cpu")
    with products_in(amp, device):
        answer = model(as_input(samples, which).to(device))
    logits: Tensor = answer if isinstance(samples, Images) else answer[0].class_logits[-1]
    return logits.argmax(1).cpu().numpy()


def as_input(samples: Images | Clips, which: np.ndarray) -> Tensor:
    """Some of them as a model takes them: images (B, 3, Y, X), or frames (T, B, 2, Y, X)."""
    if isinstance(samples, Images):
        return normalise_images(samples.pixels[which])
    return torch.from_numpy(samples.frames(which)).transpose(0, 1)


def accuracy_row(said: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Share of right names, with its 95 % interval: a flat row.

    Raises:
        UserError: there are none, or not as many names as labels.
    """
    if said.shape != labels.shape or not len(labels):
        raise UserError(f"{len(said)} names cannot be held against {len(labels)} labels")
    hits = said == labels
    low, high = share_interval(hits)
    return {"accuracy": float(hits.mean()), "low": low, "high": high, "samples": len(hits)}


def evaluate_classifier(
    model: Callable[[Tensor], Any], samples: Images | Clips, *, batch: int | None = None
) -> dict[str, Any]:
    """How often a classifier is right: accuracy, its 95 % interval (low, high), and samples.

    Args:
        model, samples, batch: as in `predict_classes`.
    """
    return accuracy_row(predict_classes(model, samples, batch=batch), samples.labels)


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(C, C) int64: row is what a sample shows, column what the model names, entry how often.

    Raises:
        UserError: a number that is no class.
    """
    for name, numbers in (("predicted", predicted), ("labels", labels)):
        wrong = numbers[(numbers < 0) | (numbers >= classes)]
        if len(wrong):
            raise UserError(f"{name} must lie in [0, {classes}), the classes; got {wrong[0]}")
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> Table:
    """The counts of `confusion` for people; zeros are left out."""
    table = Table(title="a row is what is shown, a column what is named")
    table.add_column("shown")
    for number in range(1, len(classes) + 1):
        table.add_column(str(number), justify="right")
    for number, (name, row) in enumerate(zip(classes, counts, strict=True), 1):
        table.add_row(f"{number} {name}", *(str(count) if count else "" for count in row))
    return table


def confusion_rows(counts: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The counts of `confusion` as flat rows, one a pair of classes."""
    return [
        {"shown": shown, "named": named, "samples": int(counts[i, j])}
        for i, shown in enumerate(classes)
        for j, named in enumerate(classes)
    ]
