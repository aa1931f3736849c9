"""What one image costs: every way that is measured runs, one image after the other."""

import pytest
import torch

from neurosvt.bench import image_latency
from neurosvt.bench.image_latency import image_candidates
from neurosvt.models.dysvit import DySViT, DySViTConfig


def test_without_onnxruntime_the_engine_and_pytorch_are_measured(monkeypatch):
    monkeypatch.setattr(image_latency, "find_spec", lambda name: None)
    model = DySViT(config=DySViTConfig(image_size=8, width=16, heads=2, depth=1)).eval()
    images = torch.randn(2, 3, 8, 8)
    float32, int8, pytorch = image_candidates(model, images)
    assert (float32.dtype, int8.dtype, pytorch.dtype) == ("float32", "int8", "float32")
    for turn in (0, 1, 0):
        said = float32.run()
        assert said.tolist() == [pytest.approx(x, abs=1e-4) for x in pytorch.run().tolist()]
        torch.testing.assert_close(said, model(images[turn : turn + 1]), atol=1e-4, rtol=0)
        assert int8.run().shape == (1, 10)
