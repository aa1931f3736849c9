"""How often a classifier of images is right.

Axes: M images, C classes.
"""

import numpy as np
import torch
from torch import nn

from neurosvt.data.cifar10 import Images
from neurosvt.data.image_stream import normalised


@torch.no_grad()
def right(model: nn.Module, images: Images, *, batch: int = 250, amp: bool = False) -> np.ndarray:
    """(M,) bool: which images the model names as labelled; bfloat16 products if `amp`."""
    answers = []
    for start in range(0, len(images), batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            logits = model(normalised(images.pixels[start : start + batch]))
        answers.append(logits.argmax(1).numpy())
    return np.concatenate(answers) == images.labels
