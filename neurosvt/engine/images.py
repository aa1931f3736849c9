"""A DySViT in the engine: each product adds up the weights of what fired.

    engine = ImageEngine(neurosvt.load("dysvit").model)
    logits = engine(images)

Axes: B batch, Y X pixels, C classes, L layers of neurons; E outputs, D inputs.
"""

from ctypes import addressof
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.engine.layout import CFire, CImageBlock, CImageModel, CProduct
from neurosvt.engine.library import engine_library
from neurosvt.engine.plan import head_masks
from neurosvt.engine.weights import TILE, padded, quantisation_step, tiled
from neurosvt.models.dysvit import DySViT
from neurosvt.nn.batchnorm_spike import BatchNormSpike

SPIKE_PRODUCTS = ("qkv", "out", "expand", "contract")
"""Layers of a block whose inputs are spikes."""


class ImageEngine:
    """Classifies images as a deployed DySViT does; safe to call from several threads.

    Args:
        model: is copied, as it is now.
        weights: "float32": the model as it is; sums are added up in another order, so that a
            current within 1e-5 of its threshold may decide otherwise. "int8": what spikes meet is
            rounded to 8 bits with a scale for every output; patches and head stay as they are.
        backend: "native", the C++; "torch", the model itself; "auto" takes the first that can.

    Raises:
        UserError: another model, a precision or a backend that there is none of, or a model that
            the C++ does not know.
    """

    def __init__(self, model: nn.Module, *, weights: str = "float32", backend: str = "auto"):
        if not isinstance(model, DySViT):
            raise UserError(f"the image engine runs a DySViT, got a {type(model).__name__}")
        if weights not in ("float32", "int8"):
            raise UserError(f"weights must be float32 or int8, got {weights!r}")
        if backend not in ("auto", "native", "torch"):
            raise UserError(f"backend must be auto, native or torch, got {backend!r}")
        self.model = model.deployed().requires_grad_(False)
        self.weights = weights
        if weights == "int8":
            for block in self.model.blocks:
                for name in SPIKE_PRODUCTS:
                    round_to_bytes(getattr(block, name))
        reason = why_unknown(self.model)
        if backend == "native" and reason:
            raise UserError(f"the engine's C++ cannot run this DySViT: {reason}")
        self.doors = None if reason or backend == "torch" else engine_library()
        if self.doors is not None:
            self.plan = ImagePlan(self.model, weights)

    @property
    def backend(self) -> str:
        """What computes: "native" or "torch"."""
        return "torch" if self.doors is None else "native"

    def __call__(self, images: Shaped[Tensor, "..."]) -> Float[Tensor, "B C"]:
        """Class scores of normalised images (B, 3, Y, X), over as many cores as PyTorch uses.

        Raises:
            ValueError: as of `DySViT.check`.
        """
        self.model.check(images)
        if self.doors is None:
            with torch.no_grad():
                scores: Tensor = self.model(images)
            return scores
        return self._run(images, None)

    def spikes(self, images: Shaped[Tensor, "..."]) -> Int[Tensor, "B L"]:
        """How many spikes every layer had on images (B, 3, Y, X), in the order of `DySViT.neurons`.

        Raises:
            UserError: the C++ does not run this model.
            ValueError: as of `DySViT.check`.
        """
        if self.doors is None:
            raise UserError("spikes are counted by the engine's C++ alone")
        self.model.check(images)
        counts = torch.zeros(len(images), len(self.model.neurons()), dtype=torch.int64)
        self._run(images, counts)
        return counts

    def _run(self, images: Tensor, counts: Tensor | None) -> Tensor:
        images = images.detach().contiguous()
        logits = torch.empty(len(images), self.model.num_classes)
        assert self.doors is not None
        self.doors.engine_images(
            addressof(self.plan.c), images.data_ptr(), len(images), logits.data_ptr(),
            None if counts is None else counts.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
        return logits


def round_to_bytes(layer: nn.Linear) -> None:
    """Put weights of 8 bits, with a step for every output, in the place of the layer's own."""
    step = quantisation_step(layer.weight[None].float())[:, None]
    layer.weight.copy_((layer.weight / step).round().clamp(-127, 127) * step)


def why_unknown(model: DySViT) -> str:
    """What keeps the C++ from running a deployed model; nothing is ""."""
    if engine_library() is None:
        return "it was not built on this machine"
    if model.positions.device.type != "cpu" or model.positions.dtype != torch.float32:
        return f"it is {model.positions.dtype} on {model.positions.device}, not float32 on the CPU"
    if type(model.head) is not nn.Linear:
        return f"its head is a {type(model.head).__name__}"
    kinds = (BatchNormSpike, nn.Linear, nn.Conv2d)
    for name, part in model.named_modules():
        if isinstance(part, kinds) and (part._forward_hooks or part._forward_pre_hooks):
            return f"{name} has a hook"
    # The guard against numbers that are not finite never acts on finite weights.
    if not all(t.isfinite().all() for t in (*model.parameters(), *model.buffers())):
        return "a weight is not finite"
    return ""


class ImagePlan:
    """A deployed DySViT laid out; keeps alive what the C++ points to."""

    def __init__(self, model: DySViT, precision: str):
        cfg = model.config
        self.precision = precision
        self.kept: list[Any] = []
        hidden = round(cfg.width * cfg.mlp_ratio)
        embed, bias = model.embed.weight.flatten(1), model.embed.bias
        assert bias is not None
        tiles = F.pad(embed, (0, 0, 0, padded(cfg.width) - cfg.width))
        blocks = (CImageBlock * cfg.depth)(*(self.block(block) for block in model.blocks))
        self.kept.append(blocks)
        self.c = CImageModel(
            cfg.image_size, cfg.patch_size, cfg.width, hidden, cfg.depth, cfg.heads,
            model.num_classes, cfg.residual_scale,
            self.at(tiles.unflatten(0, (-1, TILE)).transpose(-1, -2)),
            self.rows(model.positions + bias), addressof(blocks),
            self.at(head_masks(cfg.width, cfg.heads)), self.fire(model.fire),
            self.rows(model.head.weight), self.at(model.head.bias),
        )  # fmt: skip

    def at(self, x: Tensor) -> int:
        """Where a tensor lies, which is kept."""
        x = x.detach().contiguous()
        self.kept.append(x)
        return x.data_ptr()

    def rows(self, x: Tensor, value: float = 0.0) -> int:
        """Where rows (..., D) lie, filled up to whole tiles."""
        return self.at(F.pad(x.detach(), (0, padded(x.shape[-1]) - x.shape[-1]), value=value))

    def product(self, weight: Tensor) -> CProduct:
        made = tiled(weight, self.precision)
        self.kept.append(made)
        return made.c

    def fire(self, layer: BatchNormSpike, parts: int = 1) -> CFire:
        """Channels that fill up never reach their threshold: their offset is below it.

        Args:
            layer: neurons behind a norm.
            parts: how many of equal width begin at a tile of their own.
        """
        factor = layer.weight * torch.rsqrt(layer.variance + (1e-5 if layer.learns else 0.0))
        offset = layer.bias - layer.mean * factor
        factor, offset = (x.unflatten(0, (parts, -1)) for x in (factor, offset))
        return CFire(self.rows(factor), self.rows(offset, -1.0))

    def block(self, block: Any) -> CImageBlock:
        width = block.qkv.in_features
        # Queries, keys and values begin at a tile each.
        thirds = F.pad(block.qkv.weight.unflatten(0, (3, -1)), (0, 0, 0, padded(width) - width))
        return CImageBlock(
            self.fire(block.fire_attention), self.fire(block.fire_qkv, 3),
            self.fire(block.fire_mixed), self.fire(block.fire_in), self.fire(block.fire_hidden),
            self.product(thirds.flatten(0, 1)),
            *(self.product(getattr(block, name).weight) for name in SPIKE_PRODUCTS[1:]),
        )  # fmt: skip
