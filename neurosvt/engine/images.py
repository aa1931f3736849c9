"""DySViT in the engine: images to class scores, in products that add up what spikes name.

Axes: B batch, Y X pixels, N tokens, D width, E outputs, C classes; padded sizes are whole tiles.
"""

import ctypes
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.engine.layout import COLUMNS, CImageBlock, CImageModel, CProduct
from neurosvt.engine.library import engine_library
from neurosvt.engine.plan import head_masks
from neurosvt.engine.weights import TILE, padded, quantisation_step, tiled
from neurosvt.models.dysvit import DySViT
from neurosvt.nn.batchnorm_spike import BatchNormSpike

IMAGE_PRECISIONS = ("float32", "int8")
"""Of the products' weights; embedding, neurons and head are always float32."""
SPIKE_PRODUCTS = ("qkv", "out", "expand", "contract")
"""Of a block, in its order."""


class ImageEngine:
    """A DySViT as it stands, frozen, on the CPU: the same scores, several times faster.

        engine = ImageEngine(model)
        logits = engine(images)

    Sums come in another order than PyTorch's, so scores agree as float32 does; a neuron within
    rounding of its threshold may decide otherwise. PyTorch computes the same where the library is
    not there, and for a model with hooks or with weights that are not finite.

    Args:
        model: float32, on the CPU; training it further changes nothing here.
        weights: "int8" rounds the products' weights to whole numbers with a step for each output.

    Raises:
        UserError: another kind of model, or weights that are unknown; one line.
    """

    num_classes: int

    def __init__(self, model: nn.Module, weights: str = "float32"):
        if weights not in IMAGE_PRECISIONS:
            raise UserError(
                f"weights {weights!r} are unknown; choose {' or '.join(IMAGE_PRECISIONS)}"
            )
        if not isinstance(model, DySViT):
            raise UserError(f"the engine for images takes a DySViT, got {type(model).__name__}")
        like = model.positions
        if like.dtype != torch.float32 or like.device.type != "cpu":
            raise UserError(
                f"the engine takes a float32 model on the CPU, got {like.dtype} on {like.device}"
            )
        self.plain = model.deployed().requires_grad_(False)
        self.config, self.num_classes = model.config, model.num_classes
        if weights == "int8":
            for block in self.plain.blocks:
                for name in SPIKE_PRODUCTS:
                    setattr(block, name, RoundedLinear(getattr(block, name).weight))
        native = engine_library() is not None and _is_plain(self.plain)
        self._laid = _laid_out(self.plain, weights) if native else None

    @torch.no_grad()
    def __call__(self, images: Float[Tensor, "..."]) -> Float[Tensor, "B C"]:
        """Class scores, before any softmax, of normalised images (B, 3, Y, X).

        Raises:
            ValueError: as `DySViT.check`.
        """
        scores: Tensor = self.plain.head(self.features(images))
        return scores

    @torch.no_grad()
    def features(self, images: Float[Tensor, "..."]) -> Float[Tensor, "B D"]:
        """What the head reads, as `DySViT.forward_features`."""
        self.plain.check(images)
        return self.plain.forward_features(images) if self._laid is None else self._look(images)

    @torch.no_grad()
    def count(self, images: Float[Tensor, "B 3 Y X"]) -> dict[str, Operations]:
        """What is done for these images, layer by layer: as `energy.Meter` counts the deployed
        model, whose guard against values that are not finite the engine has not.

        Raises:
            ValueError: as `DySViT.check`.
            UserError: PyTorch computes this model.
        """
        self.plain.check(images)
        if self._laid is None:
            raise UserError("only the library counts; `energy.Meter` counts a model on PyTorch")
        counts = torch.zeros(len(images), self._laid.model.layers, COLUMNS, dtype=torch.int64)
        features = self._look(images, counts)
        found = _operations(self.plain, counts)
        for name, given in (("embed", images), ("head", features)):  # dense, for any engine
            part = getattr(self.plain, name)
            with Meter(part) as meter:
                part(given)
            found[name] = meter.total
        return found

    def _look(self, images: Tensor, counts: Tensor | None = None) -> Tensor:
        library = engine_library()
        assert library is not None
        assert self._laid is not None
        pixels = images.contiguous()
        features = torch.empty(len(images), self.config.width)
        library.engine_look(
            ctypes.byref(self._laid.model), pixels.data_ptr(), len(images), features.data_ptr(),
            None if counts is None else counts.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
        return features


class RoundedLinear(nn.Module):
    """A projection whose weights are whole numbers of 8 bits; sums are exact in any order.

    Args:
        weight: (E, D), to be rounded.
    """

    scale: Tensor
    weight: Tensor

    def __init__(self, weight: Float[Tensor, "E D"]):
        super().__init__()
        step = quantisation_step(weight[None])
        self.register_buffer("scale", step)
        self.register_buffer("weight", (weight / step[:, None]).round().clamp(-127, 127))

    def forward(self, spikes: Float[Tensor, "R D"]) -> Float[Tensor, "R E"]:
        return F.linear(spikes, self.weight) * self.scale


def _is_plain(model: DySViT) -> bool:
    """Whether nothing of a model is seen by PyTorch alone: no hook, and no guard that acts."""
    hooked = any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    weights = (*model.parameters(), *model.buffers())
    return not hooked and all(bool(weight.isfinite().all()) for weight in weights)


class _Laid(NamedTuple):
    """A model as the C++ reads it, and what it points into."""

    model: CImageModel
    keeps: list[Any]


def _laid_out(plain: DySViT, weights: str) -> _Laid:
    cfg = plain.config
    wide = padded(cfg.width)
    layers: Any = plain.blocks
    keeps: list[Any] = []

    def pointer(x: Tensor) -> int:
        keeps.append(x.contiguous())
        at: int = keeps[-1].data_ptr()
        return at

    def product(part: Any, thirds: bool = False) -> CProduct:
        whole = _thirds if thirds else lambda x: x
        scale = whole(part.scale) if isinstance(part, RoundedLinear) else None
        laid = tiled(whole(part.weight), weights, scale)
        keeps.append(laid)
        return laid.c

    def neurons(part: BatchNormSpike, thirds: bool = False) -> int:
        found = part.comparison()
        size = found.shape[1]
        return pointer(_thirds(found.T).T if thirds else F.pad(found, (0, padded(size) - size)))

    blocks = (CImageBlock * cfg.depth)(*(
        CImageBlock(
            product(b.qkv, True), product(b.out), product(b.expand), product(b.contract),
            neurons(b.fire_attention), neurons(b.fire_qkv, True), neurons(b.fire_mixed),
            neurons(b.fire_in), neurons(b.fire_hidden),
        )
        for b in layers
    ))  # fmt: skip
    keeps.append(blocks)
    embed = F.pad(plain.embed.weight.flatten(1), (0, 0, 0, wide - cfg.width))
    assert plain.embed.bias is not None
    positions = F.pad(plain.positions + plain.embed.bias, (0, wide - cfg.width))
    model = CImageModel(
        cfg.image_size, cfg.patch_size, cfg.width, _hidden_of(plain), cfg.depth,
        cfg.heads, pointer(embed.unflatten(0, (-1, TILE)).transpose(1, 2)), pointer(positions),
        ctypes.addressof(blocks), neurons(plain.fire), pointer(head_masks(cfg.width, cfg.heads)),
        cfg.residual_scale, len(COUNTED) * cfg.depth + 1,
    )  # fmt: skip
    return _Laid(model, keeps)


def _hidden_of(plain: DySViT) -> int:
    """Neurons between the two layers of an MLP."""
    block: Any = plain.blocks[0]
    return len(block.expand.weight)


def _thirds(x: Float[Tensor, "E *n"]) -> Tensor:
    """Queries, keys and values in whole tiles each."""
    width = len(x) // 3
    out = x.new_zeros(3, padded(width), *x.shape[1:])
    out[:, :width] = x.unflatten(0, (3, width))
    return out.flatten(0, 1)


COUNTED = ("fire_attention", "fire_qkv", "mix", "fire_mixed", "fire_in", "fire_hidden")
"""Of a block, in the order in which the C++ counts it."""


def _operations(plain: DySViT, counts: Int[Tensor, "B L W"]) -> dict[str, Operations]:
    """Counts in the words of the meter."""
    cfg, rows = plain.config, len(counts) * plain.config.tokens
    numbers, hidden = rows * cfg.width, _hidden_of(plain)
    layers = iter(counts.sum(0).tolist())
    done = {type(plain).__name__: Operations(adds=2 * numbers)}  # positions, and the mean

    def fire(name: str, width: int, then: str = "", outputs: int = 0) -> None:
        spikes, alive, needed, *_ = next(layers)
        done[name] = Operations(comparisons=rows * width, spikes=spikes, rows=rows)
        if then:
            done[then] = Operations(
                acs=spikes * outputs, rows=rows, weights_once=needed * outputs,
                weights_each=spikes * outputs, values=alive * outputs,
            )  # fmt: skip

    for i in range(cfg.depth):
        name = f"blocks.{i}"
        fire(f"{name}.fire_attention", cfg.width, f"{name}.qkv", 3 * cfg.width)
        fire(f"{name}.fire_qkv", 3 * cfg.width)
        additions, between, *_ = next(layers)
        done[name] = Operations(
            acs=additions, values=between, adds=2 * numbers,
            multiplies=0 if cfg.residual_scale == 1 else 2 * numbers,
        )  # fmt: skip
        fire(f"{name}.fire_mixed", cfg.width, f"{name}.out", cfg.width)
        fire(f"{name}.fire_in", cfg.width, f"{name}.expand", hidden)
        fire(f"{name}.fire_hidden", hidden, f"{name}.contract", cfg.width)
    fire("fire", cfg.width)
    return done
