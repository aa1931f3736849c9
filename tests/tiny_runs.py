"""Settings of runs that are trained within a test, and a validation that is no different but
shorter."""

from contextlib import contextmanager
from functools import partial

import pytest

from neurosvt.experiments import recipes
from neurosvt.permanence.evaluate import tune_latch, validation_score

TINY = {
    "model.image_size": 32,
    "model.patch_size": 8,
    "model.kernel_size": 8,
    "model.width": 8,
    "model.heads": 2,
    "model.depth": 1,
    "model.memory.channels": 16,
    "model.readout.width": 8,
    "data.tiers": '["blackout", "curtain"]',
    "data.seen": "[3, 5]",
    "data.hidden": "[3, 6]",
    "data.after": 2,
    "train.batch": 2,
    "train.steps": 4,
    "train.validate_every": 3,
}
"""Of a NeuroSVT that follows hidden objects."""

TINY_IMAGES = {
    "model.width": 16, "model.depth": 1, "model.heads": 2, "model.patch_size": 8,
    "train.images": 40, "train.batch": 8, "train.epochs": 4, "train.warmup_epochs": 1,
    "train.mixup_off": 1,
}  # fmt: skip
"""Of a DySViT."""


@contextmanager
def short_validation():
    """Validation on a handful of events."""

    def short(model, task, events, **options):
        return validation_score(model, task, 4, [4], **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "validation_score", short)
        patch.setattr(recipes, "tune_latch", partial(tune_latch, hidden=4, events=4))
        yield
