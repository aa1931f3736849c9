"""One image at a time: DySViT in the engine and on PyTorch, beside its dense twin.

The twin has DySViT's shape (width 256, depth 4, 4 heads, patches of 4 pixels) and is a plain
transformer: real numbers, LayerNorm, softmax, GELU. It runs in onnxruntime on as many threads as
PyTorch has, with floats and with weights of 8 bits and activations that are rounded as they come.
"""

from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from rich.console import Console
from torch import Tensor, nn

from neurosvt.bench.timing import Candidate
from neurosvt.engine import ImageEngine
from neurosvt.models.dysvit import DySViT, DySViTConfig

WHAT = "one image"


class DenseTwin(nn.Module):
    """A plain vision transformer in the shape of a DySViT; answers from the mean of its tokens."""

    def __init__(self, cfg: DySViTConfig):
        super().__init__()
        self.embed = nn.Conv2d(3, cfg.width, cfg.patch_size, cfg.patch_size)
        self.positions = nn.Parameter(torch.randn(cfg.tokens, cfg.width) * 0.1)
        layer = nn.TransformerEncoderLayer(
            cfg.width, cfg.heads, round(cfg.width * cfg.mlp_ratio), dropout=0.0,
            activation="gelu", batch_first=True, norm_first=True,
        )  # fmt: skip
        self.blocks = nn.TransformerEncoder(layer, cfg.depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(cfg.width)
        self.head = nn.Linear(cfg.width, cfg.classes)

    def forward(self, images: Float[Tensor, "B 3 Y X"]) -> Float[Tensor, "B C"]:
        """Class scores of normalised images."""
        x = rearrange(self.embed(images), "B D Y X -> B (Y X) D") + self.positions
        scores: Tensor = self.head(self.norm(self.blocks(x)).mean(1))
        return scores


def image_candidates(model: DySViT, images: Float[Tensor, "M 3 Y X"]) -> Iterable[Candidate]:
    """All ways to classify one image; each takes the given images in turn.

    Args:
        model: trained, for its time follows its spikes.
        images: normalised.
    """
    cfg = model.config
    shape = f"{cfg.width}/{cfg.depth}/{cfg.heads}"
    made = partial(Candidate, what=WHAT, shape=shape)
    plain = model.deployed()
    ways: list[tuple[str, str, Any]] = [
        *((f"engine {kind}", kind, ImageEngine(model, weights=kind)) for kind in KINDS),
        ("PyTorch", "float32", torch.no_grad()(plain)),
    ]
    torch.manual_seed(0)
    ways += twins_in_onnxruntime(DenseTwin(cfg).eval(), images[:1])
    for name, dtype, judge in ways:
        yield made(name=name, dtype=dtype, run=Turns(judge, images))


KINDS = ("float32", "int8")


class Turns:
    """Calls with one image after the other."""

    def __init__(self, judge: Any, images: Tensor):
        self.judge, self.images, self.turn = judge, images, 0

    def __call__(self) -> Any:
        which = self.turn % len(self.images)
        self.turn += 1
        return self.judge(self.images[which : which + 1])


def twins_in_onnxruntime(twin: nn.Module, example: Tensor) -> list[tuple[str, str, Any]]:
    """The twin with floats and with 8 bits; none, and a word of it, without onnxruntime."""
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        Console(stderr=True).print("onnxruntime and onnx are not installed: no dense twin")
        return []
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with TemporaryDirectory() as folder:
        whole, small = (Path(folder) / name for name in ("twin.onnx", "twin_int8.onnx"))
        torch.onnx.export(
            twin, (example,), str(whole), input_names=["images"], dynamo=False, opset_version=17
        )
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
        return [
            ("dense twin, onnxruntime", kind, session_of(path))
            for kind, path in zip(KINDS, (whole, small), strict=True)
        ]


def session_of(path: Path) -> Any:
    """Images to scores in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images.numpy()})
