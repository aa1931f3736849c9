"""DySViT on the grid, as subgraphs, and run by them.

Axes: B batch, Y X pixels, N tokens (one a patch), D width, E channels out, C classes.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.export.neurosvt_host import Runtime, mixed
from neurosvt.export.neurosvt_split import ADDED, ATTENTION, CURRENT, REAL, SPIKES, WHOLE
from neurosvt.export.subgraph import Between, Convolved, Fired, Layer, Projected, Split, Subgraph
from neurosvt.models.dysvit import DySViT, DySViTBlock
from neurosvt.nn.batchnorm_spike import BatchNormSpike
from neurosvt.nn.slope import FixedSlope


@torch.no_grad()
def dysvit_on_grid(model: DySViT) -> DySViT:
    """A deployed copy whose sums of spikes are exact in any order, as `NeuroSVT.on_grid`.

    Norms behind a projection are put into it; its weights and offsets are then rounded to multiples
    of the finest power of two on which no sum of them leaves float32. Other norms become a sign and
    an offset a channel. The copy is for running: its norms are gone.

    Raises:
        UserError: as `plain_copy`.
    """
    twin = model.deployed()
    scale = twin.config.residual_scale
    twin.config = replace(twin.config, residual_scale=1.0)
    for part in twin.blocks:
        assert isinstance(part, DySViTBlock)
        part.scale = 1.0
        for linear, neurons in ((part.qkv, "fire_qkv"), (part.expand, "fire_hidden")):
            factor, offset = getattr(part, neurons).comparison().double()
            weight, offset = _exact(linear.weight * factor[:, None], offset)
            linear.weight.copy_(weight)
            setattr(part, neurons, _neurons(torch.ones_like(offset), offset, model))
        for linear in (part.out, part.contract):
            weight = linear.weight.double() * scale
            linear.weight.copy_(_exact(weight, weight.new_zeros(len(weight)))[0])
        for neurons in ("fire_attention", "fire_mixed", "fire_in"):
            setattr(part, neurons, _neurons(*_compared(getattr(part, neurons)), model))
    twin.fire = _neurons(*_compared(twin.fire), model)
    return twin


def _exact(weight: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Both on the finest grid on which every sum of a row's weights and its offset is exact."""
    most = float((weight.abs().sum(1) + offset.abs()).max())
    unit = 2.0 ** (math.ceil(math.log2(max(most, 2.0**-99))) - BITS)
    return (weight / unit).round() * unit, (offset / unit).round() * unit


BITS = 23
"""Of a float32's 24, one is left for what rounding adds to a sum."""
FURTHEST = 2.0**20
"""Of an offset: nothing reaches it."""


def _compared(neurons: BatchNormSpike) -> tuple[Tensor, Tensor]:
    """Sign and offset of every channel, such that what fired where `x factor + offset` reached 1
    fires where `x sign + offset` does."""
    factor, offset = neurons.comparison().double()
    moved = 1 - (1 - offset) / factor.abs()
    moved = torch.where(factor == 0, torch.where(offset >= 1, FURTHEST, -FURTHEST), moved)
    return factor.sign(), moved.clamp(-FURTHEST, FURTHEST)


def _neurons(sign: Tensor, offset: Tensor, model: DySViT) -> BatchNormSpike:
    """Neurons that fire where `sign x + offset` reaches 1."""
    neurons = BatchNormSpike(len(sign), FixedSlope(1.0), norm=False).eval()
    neurons.backend = model.backend
    neurons.weight.copy_(sign)
    neurons.bias.copy_(offset)
    return neurons.to(model.positions.device)


@torch.no_grad()
def split_dysvit(model: DySViT) -> Split:
    """A DySViT cut where NIR ends.

    Args:
        model: as `dysvit_on_grid` gives it.

    Raises:
        UserError: of another kind, or with a head of one's own.
    """
    if any(part.learns for part in model.neurons().values()):
        raise UserError("only a model on the grid can be cut: take its dysvit_on_grid()")
    if not isinstance(model.head, nn.Linear):
        raise UserError(f"head {type(model.head).__name__} cannot be exported; Linear can")
    return Split(tuple(_steps(model)))


def _steps(model: DySViT) -> Iterator[Subgraph | Between]:
    cfg = model.config
    weight, bias = model.embed.weight, model.embed.bias
    assert bias is not None
    embed = Convolved(weight, bias, cfg.patch_size, 0, cfg.image_size)
    yield Subgraph("embed", (("embed", embed),), "normalised colours", CURRENT)
    yield Between("positions", "x[n] = current[n] + table[n]", "a constant of each token's own")
    for i, part in enumerate(model.blocks):
        assert isinstance(part, DySViTBlock)
        attend = (
            *_compare("attention", part.fire_attention),
            *_folded("qkv", part.qkv, part.fire_qkv),
        )
        mix = (*_compare("mixed", part.fire_mixed), ("out", Projected(part.out.weight)))
        mlp = (
            *_compare("in", part.fire_in), *_folded("expand", part.expand, part.fire_hidden),
            ("contract", Projected(part.contract.weight)),
        )  # fmt: skip
        yield Subgraph(f"blocks.{i}.attend", attend, CURRENT, SPIKES, cfg.tokens)
        yield ATTENTION
        yield Subgraph(f"blocks.{i}.mix", mix, WHOLE, CURRENT, cfg.tokens)
        yield ADDED
        yield Subgraph(f"blocks.{i}.mlp", mlp, CURRENT, CURRENT, cfg.tokens)
        yield ADDED
    yield Subgraph("read", _compare("read", model.fire), CURRENT, SPIKES, cfg.tokens)
    yield Between("mean", "the share of tokens that fired, for each channel", "a sum over copies")
    assert isinstance(model.head, nn.Linear)
    head = Projected(model.head.weight, model.head.bias)
    yield Subgraph("head", (("head", head),), REAL, REAL)


def _compare(name: str, neurons: BatchNormSpike) -> tuple[tuple[str, Layer], ...]:
    """A threshold a channel, as one threshold behind a diagonal map."""
    diagonal = Projected(torch.diag(neurons.weight), neurons.bias)
    return ((f"compare_{name}", diagonal), (f"fire_{name}", Fired((len(neurons.bias),))))


def _folded(name: str, linear: nn.Linear, neurons: BatchNormSpike) -> tuple[tuple[str, Layer], ...]:
    """A projection with its neurons' norm inside."""
    return (
        (name, Projected(linear.weight, neurons.bias)),
        (f"fire_{name}", Fired((len(neurons.bias),))),
    )


@torch.no_grad()
def run_dysvit(
    model: DySViT, runtime: Runtime, images: Float[Tensor, "B 3 Y X"]
) -> Float[Tensor, "B C"]:
    """Class scores by whoever runs the subgraphs: the host's side, in plain PyTorch.

    Args:
        model: as `split_dysvit` takes it.
        runtime: runs a step of a subgraph, from rest.
        images: normalised.
    """
    x = rearrange(runtime("embed", images), "B D Y X -> B (Y X) D") + model.positions
    for i in range(model.config.depth):
        qkv = runtime(f"blocks.{i}.attend", x)
        x = x + runtime(f"blocks.{i}.mix", mixed(qkv, model.config.heads))
        x = x + runtime(f"blocks.{i}.mlp", x)
    return runtime("head", runtime("read", x).mean(1))
