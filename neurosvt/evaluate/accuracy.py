"""How often a classifier of images is right.

Axes: M images, C classes.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt.data.cifar10 import Images
from neurosvt.data.image_stream import normalised
from neurosvt.evaluate.permanence import interval


@torch.no_grad()
def right(model: nn.Module, images: Images, *, batch: int = 250, amp: bool = False) -> np.ndarray:
    """(M,) bool: which images the model names as labelled; bfloat16 products if `amp`."""
    answers = []
    for start in range(0, len(images), batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            logits = model(normalised(images.pixels[start : start + batch]))
        answers.append(logits.argmax(1).numpy())
    return np.concatenate(answers) == images.labels


def accuracy_row(model: nn.Module, images: Images) -> dict[str, Any]:
    """A model's accuracy on images, in float32, with its 95 % bootstrap interval: a flat row."""
    hits = right(model, images)
    low, high = interval(hits)
    return {"accuracy": float(hits.mean()), "low": low, "high": high, "samples": len(hits)}
