"""Dense transformers as people deploy them: exported, and run by onnxruntime in fp32 and int8."""

import logging
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

Ask = Callable[[np.ndarray], np.ndarray]
"""A batch of images (B, C, Y, X) float32 to scores."""


class PlainViT(nn.Module):
    """A vision transformer with nothing special about it; ViT-Tiny is (192, 12, 3).

    Source: Dosovitskiy et al., ICLR 2021; the small sizes as in DeiT (Touvron et al., ICML 2021).
    """

    def __init__(
        self, channels: int, side: int, patch: int, width: int, depth: int, heads: int, classes: int
    ):
        super().__init__()
        self.embed = nn.Conv2d(channels, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width) * 0.02)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = rearrange(self.embed(images), "B D Y X -> B (Y X) D")
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.head(self.norm(x[:, 0]))
        return scores


class _Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm_in, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = rearrange(
            self.qkv(self.norm_in(x)), "B N (three H K) -> three B H N K", three=3, H=self.heads
        )
        mixed = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = x + self.out(rearrange(mixed, "B H N K -> B N (H K)"))
        y: Tensor = x + self.contract(F.gelu(self.expand(self.norm_mlp(x))))
        return y


def in_onnxruntime(model: nn.Module, like: Tensor) -> dict[str, Ask]:
    """The model run by onnxruntime on one thread: "fp32", and "int8" with weights and activations
    quantised as its own tool does it.

    Args:
        model: in eval mode.
        like: images as it will be asked, of the same batch.
    """
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    found: dict[str, Ask] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger().setLevel(logging.ERROR)
        plain, small = Path(folder, "plain.onnx"), Path(folder, "small.onnx")
        program = torch.onnx.export(model, (like,), dynamo=True, verbose=False)
        assert program is not None
        program.save(plain)
        quantize_dynamic(plain, small, weight_type=QuantType.QInt8)
        for name, path in (("fp32", plain), ("int8", small)):
            session = onnxruntime.InferenceSession(path.read_bytes(), options)
            found[name] = partial(_asked, session, session.get_inputs()[0].name)
    return found


def _asked(session: Any, entry: str, images: np.ndarray) -> np.ndarray:
    scores: np.ndarray = session.run(None, {entry: images})[0]
    return scores
