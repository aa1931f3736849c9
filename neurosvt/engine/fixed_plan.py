"""A NeuroSVT as whole numbers: laid out for native/fixed, and for what is written as C.

Axes: N positions, D width, E outputs, M memory channels.
"""

from ctypes import addressof
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.engine.fixed_layout import (
    FixedBlock,
    FixedDense,
    FixedHeads,
    FixedMemory,
    FixedModel,
    FixedProduct,
    FixedTables,
    FixedTracks,
)
from neurosvt.engine.fixed_state import places_of, state_parts
from neurosvt.engine.plan import (
    choice_of,
    dense_layers,
    read_channels,
    refuse_unknown,
    scale_of,
    tracks_of,
)
from neurosvt.engine.whole_numbers import (
    ACTIVE_POINT,
    LONG_POINT,
    MOST_ACTIVE,
    POINT,
    WholeWeights,
    significant,
    tables,
    whole_leak,
    whole_scale,
    whole_weights,
)
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import side_of_square
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.memory import MemoryStep
from neurosvt.nn.tracks import Tracks
from neurosvt.ops.tracks import UNIT_STEPS
from neurosvt.presence import Presence

FIXED_TILE = 64
"""Outputs that are computed together."""
FIXED_BITS = (16, 8, 6, 4)
"""Of a number: weights, thresholds, decays and state."""
GROUP = 16
"""Channels that share an exponent where there are no write gates, whose channels do."""


def up_to(size: int, whole: int) -> int:
    """The next multiple."""
    return -(-size // whole) * whole


class FixedPlan:
    """A model in whole numbers; keeps alive what its structures point to.

    Args:
        model: trained; is put on its grid first.
        bits: one of `FIXED_BITS`.
        rate: length of a step relative to the model's.

    Raises:
        UserError: other bits, or a model that has no such form.
    """

    def __init__(self, model: NeuroSVT, bits: int, rate: float = 1.0):
        if bits not in FIXED_BITS:
            raise UserError(f"bits must be one of {', '.join(map(str, FIXED_BITS))}, got {bits}")
        refuse_unknown(model)
        if not isinstance(model.memory, LeakyMemory):
            kind = type(model.memory).__name__
            raise UserError(f"in whole numbers there is a LeakyMemory, and no {kind}")
        model = (model if model.folded else model.on_grid()).eval()
        self.bits, self.rate = bits, rate
        self.number = np.int8 if bits <= 8 else np.int16
        self.arrays: dict[int, tuple[str, Any]] = {}
        """Name and values by where they lie: arrays, and structures one after the other."""
        cfg, heads, kept = model.config, model.heads, model.memory
        side = side_of_square(cfg, "the engine in whole numbers")
        assert isinstance(heads, Heads)
        assert isinstance(kept, LeakyMemory)
        self.most_counts = cfg.patches * (cfg.width // cfg.heads)
        """Of the attention: all tokens have all channels of a head."""
        self.wide, self.hidden = up_to(cfg.width, FIXED_TILE), round(cfg.width * cfg.mlp_ratio)
        self.classes, self.tracks = heads.classes, tracks_of(heads)
        self.answer_size = 2 * heads.classes + 2 * len(Presence) + 2
        """Numbers of an answer."""
        block = 6 * self.wide + up_to(self.hidden, FIXED_TILE)
        stride, room = (
            2 * self.wide + cfg.depth * block,
            max(3 * self.wide, up_to(self.hidden, FIXED_TILE)),
        )
        embed = self.product("embed", model.embed.project)
        positions = self.positions(model.positions.table.detach())
        blocks = [self.block(f"block_{i}", block) for i, block in enumerate(model.blocks)]
        keep = self.keep((1 - 1 / cfg.neuron.tau) ** rate)
        memory, head = self.memory(kept), self.heads(heads)
        across, pixel = side // cfg.patch_size, np.arange(side)
        border = (cfg.kernel_size - cfg.patch_size) // 2
        first = np.maximum(0, -(-(pixel + border - cfg.kernel_size + 1) // cfg.patch_size))
        last = np.minimum((pixel + border) // cfg.patch_size, across - 1)
        self.c = FixedModel(
            side, cfg.patch_size, cfg.kernel_size, across, cfg.patches, cfg.least_events,
            cfg.least_neighbours, cfg.width, self.wide, self.hidden, cfg.depth, cfg.heads, stride,
            bits, room, embed, positions, self.at("blocks", blocks),
            self.at("first", first.astype(np.uint8)), self.at("last", last.astype(np.uint8)),
            len(keep), self.at("keep", keep), memory, head,
            FixedTables(*(self.at(name, table) for name, table in tables().items())),
        )  # fmt: skip
        self.state = state_parts(self.c, np.dtype(self.number).name)
        """What is left behind by steps, by the types that C has for it."""
        self.c.at = places_of(self.state)

    @property
    def address(self) -> int:
        """Where the model is."""
        return addressof(self.c)

    def at(self, name: str, values: np.ndarray | list[Any]) -> int:
        """Where values lie, which are kept by a name of their own."""
        if isinstance(values, list):
            made = (type(values[0]) * len(values))(*values)
            where = addressof(made)
            self.arrays[where] = name, made
            return where
        values = np.ascontiguousarray(values)
        where = values.ctypes.data
        self.arrays[where] = name, values
        return where

    def product(self, name: str, layer: SpikeLinear) -> FixedProduct:
        """A layer of spikes and the norm behind it."""
        scale = scale_of(layer.norm, layer.weight.shape[-2])
        return self.laid(name, layer.weight.detach()[None] * scale[:, None])

    def laid(self, name: str, weight: Tensor) -> FixedProduct:
        """Weights (N, E, D) in tiles of outputs."""
        inputs = weight.shape[-1]
        found = whole_weights(weight, self.bits)
        outputs = up_to(weight.shape[1], FIXED_TILE)
        numbers = F.pad(found.numbers, (0, 0, 0, outputs - weight.shape[1]))
        tiles = numbers.unflatten(1, (-1, FIXED_TILE)).transpose(-1, -2)
        scale, shift = self.scale(name, found, found.point - POINT, outputs)
        weights = self.at(f"{name}_weights", tiles.numpy().astype(self.number))
        return FixedProduct(inputs, outputs, shift, weights, scale)

    def scale(self, name: str, found: WholeWeights, shift: int, outputs: int) -> tuple[int, int]:
        """Where the scale of every output lies, and by how much to shift to the right then."""
        scale = F.pad(found.scale << max(-shift, 0), (0, outputs - len(found.scale)))
        return self.at(f"{name}_scale", scale.numpy().astype(np.int32)), max(shift, 0)

    def positions(self, table: Tensor) -> FixedProduct:
        """Rows (N, D), each channel with a scale."""
        found = whole_weights(table[:, :, None], self.bits)
        numbers = F.pad(found.numbers[..., 0], (0, self.wide - table.shape[1]))
        scale, shift = self.scale("positions", found, found.point - POINT, self.wide)
        weights = self.at("positions_weights", numbers.numpy().astype(self.number))
        return FixedProduct(len(table), self.wide, shift, weights, scale)

    def block(self, name: str, block: Any) -> FixedBlock:
        attention = block.attention
        width = attention.qkv.in_features
        # Queries, keys and values begin at a tile each.
        scale = scale_of(attention.qkv.norm, attention.qkv.out_features)
        thirds = (attention.qkv.weight.detach() * scale[:, None]).unflatten(0, (3, -1))
        qkv = F.pad(thirds, (0, 0, 0, self.wide - width)).flatten(0, 1)[None]
        counted = whole_scale(scale_of(attention.norm, width), self.bits, self.most_counts)
        mixed, shift = self.scale(f"{name}_mixed", counted, counted.point - POINT, self.wide)
        return FixedBlock(
            self.laid(f"{name}_qkv", qkv), self.product(f"{name}_out", attention.out),
            self.product(f"{name}_expand", block.expand),
            self.product(f"{name}_contract", block.contract), shift, mixed,
        )  # fmt: skip

    def keep(self, decay: float) -> np.ndarray:
        """Shares left after 0, 1, ... steps, of 65536, to the first of which nothing is left."""
        share = torch.tensor(decay, dtype=torch.float64).pow(torch.arange(1 << 16))
        whole = (significant(share, self.bits) * 65536).round().clamp(max=65535)
        steps = int(torch.count_nonzero(whole)) + 1
        return whole[:steps].numpy().astype(np.uint16)

    def shares(self, name: str, x: Tensor, point: int) -> int:
        """Where numbers of few significant bits lie, with so many bits behind the point."""
        whole = (significant(x.detach(), self.bits) * 2.0**point).round()
        return self.at(name, whole.numpy().astype(np.int32))

    def memory(self, memory: LeakyMemory) -> FixedMemory:
        cfg, read = memory.config, memory.read
        weight = (read.own + read.shared).detach().transpose(-1, -2)  # type: ignore[operator]
        scale = scale_of(read.norm, weight.shape[-2])  # type: ignore[arg-type]
        made = self.laid("read", weight * scale[:, None])
        halvings = -(1 - 1 / memory.tau().detach().double()).log2() * self.rate
        leak, shift = whole_leak(halvings, self.bits)
        forget = memory.forget(MemoryStep(rate=self.rate))
        look = memory.looks
        groups = cfg.write_gates or (cfg.channels // GROUP if cfg.channels % GROUP == 0 else 1)
        return FixedMemory(
            cfg.channels, cfg.write_gates, groups, memory.empties, made,
            made.inputs * made.outputs, look is not None, self.at("leak", leak),
            self.at("leak_shift", shift),
            None if forget is None else self.shares("forget", forget, 16),
            FixedDense() if look is None else self.dense("look", look.mT, None),
            self.lines(memory.lines) if memory.tracks else FixedTracks(),
        )  # fmt: skip

    def lines(self, lines: Tracks) -> FixedTracks:
        vote = torch.cat([lines.vote, lines.offset], -1).detach().mT
        bias = (lines.bias.detach().double() * 2**POINT).round().numpy().astype(np.int32)
        return FixedTracks(
            lines.tracks, round(self.rate / UNIT_STEPS * 2**LONG_POINT),
            self.laid("vote", vote[None]), self.at("vote_bias", bias),
            self.shares("track_scale", scale_of(lines.norm, lines.tracks), LONG_POINT),
            self.shares("track_forget", lines.forget(MemoryStep(rate=self.rate)), LONG_POINT),
            self.shares("track_ridge", lines.ridge(), LONG_POINT),
        )  # fmt: skip

    def heads(self, heads: Heads) -> FixedHeads:
        layers = [self.dense(name, x.weight, x.bias) for name, x in self.named(heads)]
        widest = max(up_to(x.weight.shape[1], GROUP) for _, x in self.named(heads))
        return FixedHeads(
            read_channels(heads), self.tracks, heads.classes, heads.strengths, heads.by_group,
            heads.hidden.out_features, *choice_of(heads), 2 + len(heads.deeper), widest,
            self.at("dense", layers),
        )  # fmt: skip

    @staticmethod
    def named(heads: Heads) -> list[tuple[str, nn.Linear]]:
        """Layers by names that C takes."""
        return [(name.replace(".", "_"), layer) for name, layer in dense_layers(heads)]

    def dense(self, name: str, weight: Tensor, bias: Tensor | None) -> FixedDense:
        outputs, inputs = weight.shape
        found = whole_weights(weight.detach()[None], self.bits, MOST_ACTIVE)
        numbers = F.pad(found.numbers[0], (0, up_to(inputs, GROUP) - inputs))
        scale, shift = self.scale(name, found, found.point - (POINT - ACTIVE_POINT), outputs)
        shown = torch.zeros(outputs) if bias is None else bias.detach()
        whole = (shown.double() * 2**POINT).round().numpy().astype(np.int32)
        return FixedDense(
            numbers.shape[1], outputs, shift,
            self.at(f"{name}_weights", numbers.numpy().astype(self.number)), scale,
            self.at(f"{name}_bias", whole),
        )  # fmt: skip
