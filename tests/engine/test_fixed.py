"""The engine in whole numbers gives the numbers of its definition, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from neurosvt import load, make_scenes
from neurosvt.engine.fixed import FixedEngine, fixed_library
from neurosvt.engine.fixed_reference import fixed_reference
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig

pytestmark = pytest.mark.skipif(fixed_library() is None, reason="the C++ library was not built")

BITS = (16, 8, 6, 4)
SMALL = NeuroSVTConfig(
    image_size=40, patch_size=8, kernel_size=12, least_events=2, width=24, heads=3, depth=2,
    mlp_ratio=1.5, classes=3, memory=LeakyMemoryConfig(channels=12),
    readout=ReadoutConfig(width=7),
)  # fmt: skip
MODELS = {
    "plain": SMALL,
    "one block of one head, a filter": replace(
        SMALL, heads=1, depth=1, least_neighbours=1, kernel_size=8,
        memory=LeakyMemoryConfig(channels=32), readout=ReadoutConfig(width=20, depth=3),
    ),
    "write gates that look back": replace(
        SMALL,
        memory=LeakyMemoryConfig(channels=24, write_gates=4, looks_back=True,
                                 forget_range=(0.01, 0.2)),
        readout=ReadoutConfig(width=9, depth=2, strengths=4, by_group=True),
    ),
    "tracks": replace(
        SMALL, width=80, heads=2,
        memory=LeakyMemoryConfig(channels=24, write_gates=3, tracks=2, forget_range=(0.01, 0.2)),
        readout=ReadoutConfig(width=9, depth=2, strengths=3, choice=5),
    ),
}  # fmt: skip
MODELS["tracks that are corrected"] = replace(
    MODELS["tracks"], readout=replace(MODELS["tracks"].readout, corrects=True)
)
MODELS["tracks that carry too"] = replace(
    MODELS["tracks"], readout=replace(MODELS["tracks"].readout, corrects=True, carries=True)
)


def model_of(name):
    """A model whose layers all say something, untrained."""
    torch.manual_seed(len(name))
    model = NeuroSVT(MODELS[name]).eval()
    with torch.no_grad():
        model.embed.project.weight.mul_(4)
        for learnt in model.parameters():
            if not learnt.any():
                learnt.normal_(0, 0.5)
    return model


def film(steps, side, seed):
    """Something that moves, noise, and silence: (T, 2, Y, X)."""
    random = np.random.default_rng(seed)
    frames = random.random((steps, 2, side, side)) < 0.004
    for t in range(steps):
        x = 3 + t % (side - 12)
        frames[t, t % 2, 8 : 8 + side // 3, x : x + 9] |= random.random((side // 3, 9)) < 0.4
    frames[steps // 3 : steps // 2] = False
    return torch.from_numpy(frames)


def same(model, frames, bits):
    """Answers of both, and how many differ from the first."""
    found, _ = FixedEngine(model, bits).answers(frames[:, None])
    assert np.array_equal(found[:, 0].numpy(), fixed_reference(model, frames, bits))
    return len(found[:, 0].unique(dim=0))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", MODELS)
def test_the_engine_gives_the_numbers_of_its_definition(name, bits):
    assert same(model_of(name), film(24, 40, seed=bits), bits) > 12


@pytest.mark.parametrize("bits", BITS)
def test_so_does_a_trained_model_on_a_scene(bits):
    scenes = make_scenes("curtain", seed=7, batch=1, seen=16, hidden=12, after=2)
    assert same(load("permanence").model, torch.from_numpy(scenes.frames[:, 0]), bits) > 12


def test_so_do_steps_of_another_length():
    model, frames = model_of("tracks"), film(12, 40, seed=0)
    found, _ = FixedEngine(model, 8, frame_ms=4.0).answers(frames[:, None])
    assert np.array_equal(found[:, 0].numpy(), fixed_reference(model, frames, 8, rate=0.4))
