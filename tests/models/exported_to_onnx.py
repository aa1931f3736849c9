"""Exports both models by PyTorch's exporter, which writes with onnxscript, and runs them in
onnxruntime.

A program of its own: the hook that checks shapes in tests is not for exporters.
"""

import numpy as np
import onnxruntime
import torch
from torch.utils._pytree import tree_leaves

from neurosvt import DySViT, NeuroSVT, NeuroSVTConfig, make_scenes
from neurosvt.models.neurosvt_dense import NeuroSVTDense


def assert_same(model, *inputs):
    with torch.no_grad():
        right = tree_leaves(model(*inputs))
        program = torch.onnx.export(model, inputs, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    named = zip(session.get_inputs(), tree_leaves(inputs), strict=True)
    found = session.run(None, {place.name: x.numpy() for place, x in named})
    for one, two in zip(found, right, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


if __name__ == "__main__":  # pytest imports every file in its search for doctests
    torch.manual_seed(0)
    assert_same(DySViT(10, 32, 1).eval().deployed(), torch.randn(2, 3, 32, 32))
    step = NeuroSVTDense(NeuroSVT(NeuroSVTConfig(width=16, depth=1, heads=2)).on_grid()).eval()
    scenes = make_scenes("blackout", seed=1, batch=2, seen=8, hidden=2, after=0)
    frames = torch.from_numpy(scenes.frames).float()
    with torch.no_grad():
        _, state = step(frames[:5])
    assert state[0].any()
    assert_same(step, frames[5:6], (*state[:3], torch.randn_like(state[3])))
    print("equal")
