"""A NeuroSVT as the engine's C++ reads it: weights laid out once, then never changed.

Axes: N positions, D width, E outputs, M memory channels.
"""

from ctypes import Structure, addressof
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.engine.layout import CBlock, CDense, CHeads, CMemory, CModel, CProduct, CTracks
from neurosvt.engine.weights import (
    BIT_ORDER,
    TILE,
    Tiled,
    padded,
    quantisation_step,
    tiled,
)
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import BEGINS_AT, LeakyMemory
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.memory import MemoryStep
from neurosvt.nn.norm import FixedScale, ScaleNorm
from neurosvt.nn.reads import PositionRead
from neurosvt.nn.short_memories import NoMemory, TokenMemory
from neurosvt.nn.token_neuron import TokenLIF
from neurosvt.nn.track_heads import TrackHeads
from neurosvt.nn.tracks import Tracks
from neurosvt.ops.tracks import THRESHOLDS, TRACK_NUMBERS, UNIT_STEPS

DENSE_KINDS = (torch.float32, torch.float16, torch.int8)
"""Of weights of the heads, as the C++ numbers them."""
LONGEST = 1 << 16
"""Steps after which a membrane counts as empty, whatever its time constant."""


class Plan:
    """A model laid out; keeps alive what the C++ points to.

    Args:
        model: in eval mode; on its grid for the precisions of whole numbers.
        precision: of its weights.
        rate: length of a step relative to the model's.
    """

    def __init__(self, model: NeuroSVT, precision: str, rate: float):
        refuse_unknown(model)
        self.precision = precision
        self.kept: list[Any] = []
        cfg = model.config
        self.wide = padded(cfg.width)
        self.hidden = round(cfg.width * cfg.mlp_ratio)
        self.widths = [self.wide, *self.block_widths * cfg.depth, self.wide]
        """Channels of a token's membranes, layer after layer, in whole tiles."""
        self.layers = layer_names(model)
        heads = model.heads
        assert isinstance(heads, Heads)
        embed, memory = self.product(model.embed.project, spikes=False), self.memory(model, rate)
        decay = (1 - 1 / cfg.neuron.tau) ** rate
        own = (1 - 1 / model.memory.token_tau) ** rate
        steps = kept_steps(max(decay, own))
        blocks = self.array(CBlock, [self.block(block) for block in model.blocks])
        self.c = CModel(
            *cfg.sensor, cfg.patch_size, cfg.kernel_size, cfg.least_events,
            cfg.least_neighbours, cfg.width, self.hidden, cfg.depth, cfg.heads, model.tokens,
            cfg.patches, sum(self.widths), embed, self.at(self.wide_rows(model.positions.table)),
            blocks, self.at(head_masks(cfg.width, cfg.heads)), self.at(keep_table(decay, steps)),
            self.at(keep_table(own, steps)), steps, self.at(spread_table(decay, steps)),
            self.at(spread_table(own, steps)), memory, self.heads(heads), len(self.layers),
        )  # fmt: skip

    @property
    def block_widths(self) -> list[int]:
        """Of one block's membranes."""
        return [self.wide, 3 * self.wide, self.wide, self.wide, padded(self.hidden)]

    def at(self, x: Tensor) -> int:
        """Where a tensor lies, which is kept."""
        self.kept.append(x.contiguous())
        at: int = self.kept[-1].data_ptr()
        return at

    def array(self, kind: type[Structure], parts: list[Any]) -> int:
        """Where structures lie one after the other."""
        made = (kind * len(parts))(*parts)
        self.kept.append(made)
        return addressof(made)

    def laid(self, weight: Tensor, norm: nn.Module, **options: Any) -> Tiled:
        """A weight and the norm behind it, kept."""
        made = tiled(weight, self.precision, scale_of(norm, weight.shape[-2]), **options)
        self.kept.append(made)
        return made

    def product(self, layer: SpikeLinear, **options: Any) -> CProduct:
        return self.laid(layer.weight, layer.norm, **options).c

    def wide_rows(self, x: Tensor) -> Tensor:
        """Rows (..., D) with zeros up to whole tiles."""
        return F.pad(x.detach().float(), (0, padded(x.shape[-1]) - x.shape[-1])).contiguous()

    def block(self, block: Any) -> CBlock:
        attention = block.attention
        # Queries, keys and values begin at a tile each.
        scale = scale_of(attention.qkv.norm, attention.qkv.out_features)
        third = F.pad(
            attention.qkv.weight.detach().unflatten(0, (3, -1)),
            (0, 0, 0, self.wide - attention.qkv.in_features),
        )
        scale = self.wide_rows(scale.unflatten(0, (3, -1))).flatten()
        qkv = tiled(third.flatten(0, 1), self.precision, scale)
        self.kept.append(qkv)
        mixed = self.wide_rows(scale_of(attention.norm, attention.qkv.in_features))
        return CBlock(
            qkv.c, self.product(attention.out), self.product(block.expand),
            self.product(block.contract), self.at(mixed),
        )  # fmt: skip

    def memory(self, model: NeuroSVT, rate: float) -> CMemory:
        memory = model.memory
        if isinstance(memory, TokenMemory):
            current = self.at(self.wide_rows(memory.token))
            return CMemory(kind=2, channels=memory.channels, token_current=current)
        read = memory.read
        assert isinstance(read, PositionRead)
        weight = (read.own + read.shared).transpose(-1, -2)
        made = self.laid(weight, read.norm)
        stride = made.weights[0].numel() * made.weights.itemsize
        if isinstance(memory, NoMemory):
            return CMemory(1, memory.channels, 0, 0, made.c, stride, made.run.data_ptr())
        assert isinstance(memory, LeakyMemory)
        decay = (1 - 1 / memory.tau().detach()) ** rate if rate != 1 else 1 - 1 / memory.tau()
        forget = memory.forget(MemoryStep(rate=rate))
        look = memory.looks
        return CMemory(
            0, memory.config.channels, memory.config.write_gates, memory.empties, made.c, stride,
            made.run.data_ptr(), self.at(decay.detach().contiguous()),
            *(None if x is None else self.at(x.detach().float()) for x in (look, forget)),
            tracks=self.tracks(memory.lines, rate) if memory.tracks else CTracks(),
        )  # fmt: skip

    def tracks(self, lines: Tracks, rate: float) -> CTracks:
        # Weights of votes are added up by spikes, in few bits as all others. What becomes of the
        # sums stays in floats: a line is fitted by divisions, and its ages know no bounds.
        vote = torch.cat([lines.vote, lines.offset], -1).mT
        given = (
            lines.bias, scale_of(lines.norm, lines.tracks), lines.forget(MemoryStep(rate=rate)),
            lines.ridge(), torch.tensor(THRESHOLDS),
        )  # fmt: skip
        return CTracks(
            lines.tracks, self.laid(vote, nn.Identity()).c,
            *(self.at(x.detach().float()) for x in given), rate / UNIT_STEPS, BEGINS_AT,
        )  # fmt: skip

    def heads(self, heads: Heads) -> CHeads:
        layers = [self.dense(x) for _, x in dense_layers(heads)]
        return CHeads(
            read_channels(heads), tracks_of(heads), heads.classes, heads.strengths, heads.by_group,
            heads.hidden.out_features, *choice_of(heads), 2 + len(heads.deeper),
            self.array(CDense, layers),
        )  # fmt: skip

    def dense(self, layer: nn.Linear) -> CDense:
        outputs, inputs = layer.weight.shape
        weight = layer.weight.detach().float()
        step = weight.new_ones(outputs)
        # Weights that were saved in half precision are read as such: a half of the memory's time.
        dtype = torch.float16 if torch.equal(weight.half().float(), weight) else torch.float32
        if self.precision == "int8":
            step, dtype = quantisation_step(weight[None]), torch.int8
            weight = (weight / step[:, None]).round().clamp(-127, 127)
        weight = F.pad(weight, (0, 0, 0, padded(outputs) - outputs))
        tiles = weight.unflatten(0, (-1, TILE)).transpose(-1, -2).to(dtype).contiguous()
        return CDense(
            DENSE_KINDS.index(dtype), inputs, outputs, self.at(tiles),
            self.at(self.wide_rows(step)), self.at(self.wide_rows(layer.bias)),
        )  # fmt: skip

    @property
    def address(self) -> int:
        return addressof(self.c)


def refuse_unknown(model: NeuroSVT) -> None:
    """Raise a UserError if a part of the model is none that the C++ has."""
    parts: list[tuple[nn.Module, tuple[type[nn.Module], ...]]] = [
        (model.memory, (LeakyMemory, NoMemory, TokenMemory)),
        (model.heads, (Heads, TrackHeads)),
        *((m, (TokenLIF,)) for m in (model.embed.fire, model.fire)),
    ]
    if isinstance(getattr(model.memory, "read", None), nn.Module):
        parts.append((model.memory.read, (PositionRead,)))  # type: ignore[arg-type]
    for part, known in parts:
        if type(part) not in known:
            raise UserError(f"the engine has no {type(part).__name__}; use backend='torch'")


def dense_layers(heads: Heads) -> list[tuple[str, nn.Linear]]:
    """Those of the heads with their names, as the C++ has them: those that choose come last."""
    deeper = [(f"deeper.{i}", layer) for i, layer in enumerate(heads.deeper)]
    found = [("hidden", heads.hidden), *deeper, ("answer", heads.answer)]
    if isinstance(heads, TrackHeads):
        found += [("choose", heads.choose), ("chosen", heads.chosen)]
    return found  # type: ignore[return-value]


def tracks_of(heads: Heads) -> int:
    """Among how many tracks they choose."""
    return heads.tracks if isinstance(heads, TrackHeads) else 0


def choice_of(heads: Heads) -> tuple[int, int, bool]:
    """Width of what chooses among tracks, kinds of what each of them offers, and whether the choice
    is corrected."""
    if not isinstance(heads, TrackHeads):
        return 0, 0, False
    return heads.choose.out_features, heads.kinds, heads.corrects


def read_channels(heads: Heads) -> int:
    """Channels that they read, without the tracks that they choose among."""
    first = heads.choose if isinstance(heads, TrackHeads) else heads.hidden
    return first.in_features - heads.strengths - TRACK_NUMBERS * tracks_of(heads)


def scale_of(norm: nn.Module, channels: int) -> Tensor:
    """What a norm multiplies each channel by."""
    if isinstance(norm, ScaleNorm):
        return norm.scale().detach()
    if isinstance(norm, FixedScale):
        return norm.scale
    return torch.ones(channels)


def kept_steps(decay: float) -> int:
    """Steps after which nothing is left of a membrane in float32."""
    steps = torch.arange(LONGEST, dtype=torch.float64)
    return int(torch.count_nonzero(torch.tensor(decay, dtype=torch.float64).pow(steps).float())) + 1


def keep_table(decay: float, steps: int) -> Tensor:
    """Share left after 0, 1, ... steps, as `nn.token_neuron.row_context` computes it."""
    elapsed = torch.arange(steps, dtype=torch.float64)
    return torch.tensor(decay, dtype=torch.float64).pow(elapsed).float().contiguous()


def spread_table(decay: float, steps: int) -> Tensor:
    """Standard deviation of unit noise a step that has gathered by then, likewise."""
    elapsed = torch.arange(steps, dtype=torch.float64)
    keep = torch.tensor(decay, dtype=torch.float64).pow(elapsed)
    return ((1 - keep.square()) / (1 - decay**2)).sqrt().float().contiguous()


def head_masks(width: int, heads: int) -> Tensor:
    """(heads, words) int64: bits of each head's channels."""
    channel = torch.arange(padded(width)).unflatten(0, (-1, TILE))[:, BIT_ORDER]
    own = channel[None] // (width // heads) == torch.arange(heads)[:, None, None]
    own &= channel[None] < width
    bits = torch.tensor([1 << b if b < 63 else -(1 << 63) for b in range(TILE)])
    masks: Tensor = (own * bits).sum(-1)
    return masks


def layer_names(model: NeuroSVT) -> list[str]:
    """Layers in the order in which the C++ counts them, by the names of their modules."""
    block = (
        "fire_attention", "attention.qkv", "attention.fire_qkv", "attention.mix", "attention.fire",
        "attention.out", "fire_in", "expand", "fire_hidden", "contract",
    )  # fmt: skip
    blocks = [f"blocks.{b}.{name}" for b in range(model.config.depth) for name in block]
    dense = [f"heads.{name}" for name, _ in dense_layers(model.heads)]  # type: ignore[arg-type]
    return [
        "filter", "embed.project", "embed.fire", "positions", *blocks, "fire", "memory.read",
        "memory", "memory.lines", "heads", *dense,
    ]  # fmt: skip
