"""An image in the engine, and in the dense twin that it is timed beside."""

import subprocess
import sys

import torch

from neurosvt.bench import image_latency
from neurosvt.bench.image_latency import image_candidates
from neurosvt.models.dysvit import DySViT, DySViTConfig

# A program of its own: the hook that checks shapes in tests is not for exporters.
COMPARED = """
import torch
from neurosvt.bench.image_latency import ImageViT, image_candidates, in_onnxruntime
from neurosvt.models.dysvit import DySViT, DySViTConfig
torch.manual_seed(0)
config = DySViTConfig(image_size=8, width=32, depth=2)
twin, x = ImageViT(config).eval(), torch.randn(1, 3, 8, 8)
for precision, near in (("float32", 1e-5), ("int8", 0.3)):
    apart = torch.tensor(in_onnxruntime(twin, precision)(x)[0]) - twin(x)
    assert 0 < apart.abs().max() < near, (precision, apart)
made = list(image_candidates(DySViT(config=config).eval(), x))
for candidate in made:
    candidate.run()
print([(one.name, one.dtype) for one in made])
"""


def test_the_dense_twin_says_the_same_in_onnxruntime_and_all_run():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPARED],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    names = [
        ("engine", "float32"), ("engine", "int8"), ("eager", "float32"),
        ("dense in onnxruntime", "float32"), ("dense in onnxruntime", "int8"),
    ]  # fmt: skip
    assert done.stdout.strip() == str(names), done.stderr[-2000:]


def test_without_onnxruntime_the_engine_is_left(monkeypatch):
    monkeypatch.setattr(image_latency, "find_spec", lambda name: None)
    model = DySViT(config=DySViTConfig(image_size=8, width=16, depth=1)).eval()
    images = torch.randn(3, 3, 8, 8)
    made = list(image_candidates(model, images, eager=False))
    assert [one.dtype for one in made] == ["float32", "int8"]
    with torch.no_grad():
        for image in images:  # one after the other
            torch.testing.assert_close(made[0].run(), model(image[None]))
