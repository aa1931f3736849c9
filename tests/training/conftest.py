"""A tiny model, its training, and scenes for it."""

import pytest
import torch

from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.short_memories import NoMemoryConfig, TokenMemoryConfig
from neurosvt.training.loop import Training
from neurosvt.training.settings import TrainConfig

TINY = {
    "image_size": 32,
    "patch_size": 8,
    "kernel_size": 8,
    "width": 8,
    "heads": 2,
    "depth": 1,
    "readout": ReadoutConfig(width=8),
}
MEMORIES_OF_TESTS = {
    "leaky": LeakyMemoryConfig(channels=8),
    "lif": TokenMemoryConfig(),
    "none": NoMemoryConfig(channels=8),
}


@pytest.fixture
def tiny_model():
    """tiny_model(memory, ...): the same weights every time."""

    def build(memory="leaky", seed=0, backend="auto", **settings):
        torch.manual_seed(seed)
        config = NeuroSVTConfig(**TINY | settings | {"memory": MEMORIES_OF_TESTS[memory]})
        return NeuroSVT(config, backend)

    return build


@pytest.fixture
def tiny_training(tiny_model):
    """tiny_training(memory, ...): a model that has not learnt yet."""

    def build(memory="leaky", steps=6, **settings):
        return Training(tiny_model(memory), TrainConfig(steps=steps, batch=2, **settings))

    return build


@pytest.fixture(scope="session")
def tiny_batches():
    """tiny_batches(start, steps): what a tiny model is trained on."""
    config = OcclusionConfig(seen=(6, 8), hidden=(5, 8), after=2)
    made = {}

    def draw(start=0, stop=6):
        stream = SceneStream(config, 2, 1000, 0, size=32)
        return [made.setdefault(i, stream[i]) for i in range(start, stop)]

    return draw
