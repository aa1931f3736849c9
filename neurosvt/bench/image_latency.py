"""One image at a time: a DySViT in the engine beside a dense transformer of its shape.

The dense twin runs in onnxruntime, in float32 and with weights and activations of 8 bits, which are
made on the way (its dynamic quantisation); both have random weights, which time does not notice.
The spikes of a DySViT are what its weights and images make them, so these should be real.

Axes: B batch, Y X pixels, N tokens, D width, H heads, K width per head, C classes.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.bench.timing import Candidate
from neurosvt.config import UserError
from neurosvt.engine.images import ImageEngine
from neurosvt.models.dysvit import DySViT, DySViTConfig

WHAT = "one image"


class ImageViT(nn.Module):
    """The dense twin of a DySViT: LayerNorm, softmax, GELU (Dosovitskiy et al., ICLR 2021), and the
    mean of all tokens before the head."""

    def __init__(self, config: DySViTConfig):
        super().__init__()
        self.config = config
        width, side = config.width, config.patch_size
        self.embed = nn.Conv2d(3, width, side, side)
        self.positions = nn.Parameter(0.02 * torch.randn(config.tokens, width))
        hidden = round(width * config.mlp_ratio)
        self.blocks = nn.ModuleList(
            ImageViTBlock(width, config.heads, hidden) for _ in range(config.depth)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, config.classes)

    def forward(self, images: Float[Tensor, "B 3 Y X"]) -> Float[Tensor, "B C"]:
        x = self.embed(images).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.head(self.norm(x).mean(1))
        return scores


class ImageViTBlock(nn.Module):
    """Attention and MLP, each behind a norm."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        qkv = self.qkv(self.norm_attention(x))
        q, k, v = rearrange(qkv, "B N (three H K) -> three B H N K", three=3, H=self.heads)
        said = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(rearrange(said, "B H N K -> B N (H K)"))
        out: Tensor = x + self.contract(F.gelu(self.expand(self.norm_mlp(x))))
        return out


def image_candidates(
    model: DySViT, images: Float[Tensor, "B 3 Y X"], *, eager: bool = True
) -> Iterator[Candidate]:
    """The engine in both precisions, the model on PyTorch, and the dense twin in onnxruntime where
    that is installed; each takes the images one by one, in turn.

    Args:
        model: on the CPU, float32.
        images: normalised.
        eager: whether to run the model on PyTorch too.
    """
    cfg = model.config
    shape = f"{cfg.width}/{cfg.depth}/{cfg.heads}"
    each = [image[None].contiguous() for image in images]

    def candidate(name: str, dtype: str, answer: Callable[[Tensor], Any]) -> Candidate:
        turn = cycle(each)
        return Candidate(name, WHAT, shape, dtype, lambda: answer(next(turn)))

    for precision in ("float32", "int8"):
        yield candidate("engine", precision, ImageEngine(model, precision))
    if eager:
        yield candidate("eager", "float32", torch.no_grad()(model.deployed()))
    if find_spec("onnxruntime"):
        twin = ImageViT(cfg).eval()
        for precision in ("float32", "int8"):
            yield candidate("dense in onnxruntime", precision, in_onnxruntime(twin, precision))


def in_onnxruntime(model: ImageViT, precision: str = "float32") -> Callable[[Tensor], Any]:
    """A dense image model in onnxruntime, for one image (1, 3, Y, X), on as many threads as PyTorch
    has now.

    Args:
        model: in eval mode.
        precision: "int8" quantises weights, and activations as they come.

    Raises:
        UserError: another precision.
    """
    import onnxruntime

    if precision not in ("float32", "int8"):
        raise UserError(f"precision {precision!r} is unknown; choose float32 or int8")
    side = model.config.image_size
    with torch.no_grad():
        program: Any = torch.onnx.export(
            model, (torch.zeros(1, 3, side, side),), dynamo=True, verbose=False
        )
    graph = program.model_proto.SerializeToString()
    if precision == "int8":
        graph = _quantised(graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image.numpy()})


def _quantised(graph: bytes) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(graph)
        logging.disable(logging.WARNING)  # it advises a step that is for convolutions
        try:
            quantize_dynamic(before, after, weight_type=QuantType.QInt8)
        finally:
            logging.disable(logging.NOTSET)
        return after.read_bytes()
