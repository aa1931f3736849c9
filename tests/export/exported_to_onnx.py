"""Exports both models to ONNX and runs them in onnxruntime, beside the models themselves.

A program of its own: the hook that checks shapes in tests is not for exporters.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch.utils._pytree import tree_leaves

from neurosvt import DySViT, NeuroSVT, NeuroSVTConfig, make_scenes
from neurosvt.export import export_model
from neurosvt.export.dysvit_split import dysvit_on_grid
from neurosvt.export.onnx import OPSET, NeuroSVTStep
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.readout import ReadoutConfig

MEMORIES = {
    "leaky": LeakyMemoryConfig(channels=12),
    "tracks": LeakyMemoryConfig(
        channels=12, write_gates=4, looks_back=True, forget_range=(0.03, 0.9), tracks=4
    ),
}


def opened(model, folder):
    """A session of what was written, and what its inputs are called."""
    (path,) = export_model(model, "onnx", folder)
    assert [x.version for x in onnx.load(path).opset_import if not x.domain] == [OPSET]
    session = onnxruntime.InferenceSession(path)
    return session, [place.name for place in session.get_inputs()]


def warmed(model):
    """The model with running statistics of what it sees, so that it fires."""
    if model.memory.tracks:
        for learnt in (model.memory.lines.vote, model.memory.lines.offset):
            torch.nn.init.normal_(learnt, std=0.5)
    for norm in (part for part in model.modules() if isinstance(part, ScaleNorm)):
        norm.momentum = 0.5
    scenes = make_scenes("blackout", seed=2, batch=4, seen=8, hidden=1, after=1)
    for _ in range(8):
        model(torch.from_numpy(scenes.frames))
    return model


def check_images(folder):
    model = DySViT(10, 32, 1).eval()
    session, (name,) = opened(model, folder)
    for batch in (1, 3):
        images = torch.randn(batch, 3, 32, 32)
        with torch.no_grad():
            right = dysvit_on_grid(model)(images)
        (found,) = session.run(None, {name: images.numpy()})
        np.testing.assert_allclose(found, right, atol=1e-4)


def check_steps(memory, folder):
    """A sequence, the state fed back, against the model on its rows."""
    readout = ReadoutConfig(width=8, strengths=4, by_group=True)
    config = NeuroSVTConfig(width=16, depth=1, heads=2, memory=MEMORIES[memory], readout=readout)
    model = warmed(NeuroSVT(config)).on_grid()
    session, names = opened(model, folder)
    for batch in (1, 3):
        scenes = make_scenes("blackout", seed=1, batch=batch, seen=8, hidden=3, after=2)
        frames = torch.from_numpy(scenes.frames)
        with torch.no_grad():
            right, state = model(frames)
        left = [v.numpy() for v in NeuroSVTStep(model).start(batch)]
        for t, frame in enumerate(frames.float().numpy()):
            found = session.run(None, dict(zip(names, (frame, *left), strict=True)))
            belief, left = found[:3], found[3:]
            for one, two in zip(belief, right, strict=True):
                np.testing.assert_allclose(one, two[t], atol=1e-4)
        assert state.memory.any()
        np.testing.assert_allclose(left[-1], state.memory, atol=1e-4)
        assert len(left) == len(tree_leaves(state)) - 2  # those that tell time are for rows alone


if __name__ == "__main__":  # pytest imports every file in its search for doctests
    torch.manual_seed(0)
    folder = Path(sys.argv[1])
    check_images(folder / "images")
    for memory in MEMORIES:
        check_steps(memory, folder / memory)
    print("equal")
