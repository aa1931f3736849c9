"""The definition of the engine in whole numbers: one camera, one step at a time, every token.

native/fixed has to give the same numbers to the bit. They share how real numbers become whole ones
(`whole_numbers.py`), and nothing else: no layout, no order of work.

Axes: T time steps, Y X pixels, N tokens, E outputs, D inputs, M memory channels, A numbers of an
answer.
"""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn

from neurosvt.engine.fixed_heads_reference import (
    FixedHeadsReference,
    FixedTracksReference,
    WholeDense,
)
from neurosvt.engine.fixed_numbers_reference import ONE, relative, table_at
from neurosvt.engine.plan import scale_of
from neurosvt.engine.whole_numbers import (
    POINT,
    WholeWeights,
    significant,
    tables,
    whole_leak,
    whole_scale,
    whole_weights,
)
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.memory import MemoryStep


def fixed_reference(
    model: NeuroSVT, frames: Bool[Tensor, "T 2 Y X"], bits: int, rate: float = 1.0
) -> Int64[np.ndarray, "T A"]:
    """What `FixedEngine.answers` gives for one camera that has seen nothing before.

    Args:
        model: with a leaky memory.
        frames: true where an event fell.
        bits: 16, 8, 6 or 4.
        rate: length of a step relative to the model's.
    """
    state = _Reference(model, bits, rate)
    return np.array([state.step(frame.numpy()) for frame in frames], np.int64)


class _Product:
    """A projection of spikes, and the shift that makes currents of its sums."""

    def __init__(self, found: WholeWeights):
        shift = found.point - POINT
        self.weights, self.shift = found.numbers.numpy(), max(shift, 0)
        self.scale = found.scale.numpy() << max(-shift, 0)

    def currents(self, sums: np.ndarray) -> np.ndarray:
        half = 1 << self.shift >> 1
        scaled: np.ndarray = (sums * self.scale + half) >> self.shift
        return scaled

    def __call__(self, spikes: np.ndarray) -> np.ndarray:
        """Currents (N, E) of spikes (N, D)."""
        return self.currents(spikes.astype(np.int64) @ self.weights[0].T)


class _Neurons:
    """Membranes (N, E) of a layer, as its tokens left them when they were touched last."""

    def __init__(self, tokens: int, width: int, bits: int):
        self.v, self.bits = np.zeros((tokens, width), np.int64), bits

    def fire(self, at: np.ndarray, current: np.ndarray, keep: np.ndarray) -> np.ndarray:
        """Spikes of the tokens `at`, of whose membranes a share of 65536 is left."""
        down = POINT + 4 - self.bits  # a threshold is 2^(bits - 4) steps of a membrane
        most = 2 ** (self.bits - 1) - 1
        h = current + (keep[:, None] * self.v[at] >> (16 - down))
        left = ((h + (1 << (down - 1))) >> down).clip(-most, most)
        fired: np.ndarray = h >= ONE
        self.v[at] = np.where(fired, 0, left)
        return fired


class _Block:
    def __init__(self, block: Any, tokens: int, bits: int):
        attention = block.attention
        self.heads, width = attention.mix.heads, attention.qkv.in_features
        self.qkv, self.out = (_product(x, bits) for x in (attention.qkv, attention.out))
        self.expand, self.contract = (_product(x, bits) for x in (block.expand, block.contract))
        most = tokens * (width // self.heads)
        self.mixed = _Product(whole_scale(scale_of(attention.norm, width), bits, most))
        widths = (width, 3 * width, width, width, block.expand.out_features)
        self.layers = [_Neurons(tokens, w, bits) for w in widths]

    def __call__(self, at: np.ndarray, x: np.ndarray, keep: np.ndarray) -> np.ndarray:
        before, qkv, mixed, between, hidden = self.layers
        spikes = qkv.fire(at, self.qkv(before.fire(at, x, keep)), keep).astype(np.int64)
        q, k, v = spikes.reshape(len(at), 3, self.heads, -1).transpose(1, 2, 0, 3)
        counts = (q @ k.transpose(0, 2, 1)) @ v  # (heads, N, width of a head)
        current = self.mixed.currents(counts.transpose(1, 0, 2).reshape(len(at), -1))
        x = x + self.out(mixed.fire(at, current, keep))
        spikes = hidden.fire(at, self.expand(between.fire(at, x, keep)), keep)
        after: np.ndarray = x + self.contract(spikes)
        return after


def _product(layer: Any, bits: int) -> _Product:
    """A layer of spikes and the norm behind it."""
    scale = scale_of(layer.norm, layer.weight.shape[-2])
    return _Product(whole_weights((layer.weight.detach() * scale[:, None])[None], bits))


class _Memory:
    """Charge as it was written, the exponents that groups share, and when each was written to."""

    def __init__(self, memory: Any, bits: int, rate: float):
        cfg, self.bits, self.empties = memory.config, bits, memory.empties
        self.channels, self.gates = cfg.channels, cfg.write_gates
        weight = (memory.read.own + memory.read.shared).detach().mT
        norm = scale_of(memory.read.norm, weight.shape[-2])
        self.read = _Product(whole_weights(weight * norm[:, None], bits))
        halvings = -(1 - 1 / memory.tau().detach().double()).log2() * rate
        self.leak, self.leak_shift = (x.tolist() for x in whole_leak(halvings, bits))
        forget = memory.forget(MemoryStep(rate=rate))
        shares = torch.zeros(cfg.channels) if forget is None else significant(forget.detach(), bits)
        self.forget = (shares.double() * 65536).round().long().tolist()
        self.look = None if memory.looks is None else WholeDense(memory.looks.mT, None, bits)
        groups = cfg.write_gates or (cfg.channels // 16 if cfg.channels % 16 == 0 else 1)
        self.group = cfg.channels // groups
        self.charge, self.exponent, self.written = [0] * cfg.channels, [0] * groups, [0] * groups
        self.random, self.half = 2463534242, tables()["half"].tolist()

    def charges(self, clock: int) -> list[int]:
        """What has been left of the charge, in thresholds of 2^14."""
        found = []
        for i, charge in enumerate(self.charge):
            g = i // self.group
            halvings = self.leak[i] * (clock - self.written[g]) >> self.leak_shift[i]
            whole, share = divmod(halvings, 65536)
            left = 0 if whole > 16 else table_at(self.half, share) >> whole
            found.append(charge * left * 2 ** self.exponent[g] >> 16)
        return found

    def draw(self) -> int:
        """Marsaglia, "Xorshift RNGs" (2003)."""
        for shift in (13, -17, 5):
            x = self.random
            self.random ^= (x << shift if shift > 0 else x >> -shift) & 0xFFFFFFFF
        return self.random

    def remember(self, clock: int, at: np.ndarray, spikes: np.ndarray) -> tuple[Any, Any]:
        """A frame that says something: what the write gates and the tracks want."""
        sums = np.einsum("ned,nd->e", self.read.weights[at], spikes.astype(np.int64))
        said = self.read.currents(sums).tolist()
        sizes = [self.channels, self.channels * self.empties, self.gates]
        drive, emptied, wants, anew = np.split(said, np.cumsum(sizes))
        wants = wants + ONE
        if self.look is not None:
            wants = wants + self.look(relative(self.charges(clock - 1), 268))
        before = self.charges(clock)
        for g in range(len(self.written)):
            if not self.gates or wants[g] >= 0:
                self.write(clock, g, before, drive.tolist(), emptied.tolist())
        return wants, anew

    def write(self, clock: int, g: int, before: list[int], drive: Any, emptied: Any) -> None:
        most, own = 2 ** (self.bits - 1) - 1, range(g * self.group, (g + 1) * self.group)
        values = {}
        for i in own:
            freed = 65536 if self.empties and emptied[i] >= ONE else self.forget[i]
            now = (before[i] * (65536 - freed) >> 16) + drive[i]
            values[i] = max(-(1 << 28), min(1 << 28, now))
        exponent, largest = 0, max(abs(v) for v in values.values())
        while largest >> exponent > most:
            exponent += 1
        for i in own:
            whole = (values[i] + self.draw() % 2**exponent) >> exponent
            self.charge[i] = max(-most, min(most, whole))
        self.exponent[g], self.written[g] = exponent, clock


class _Reference:
    """All that steps have left behind."""

    def __init__(self, model: NeuroSVT, bits: int, rate: float):
        model = (model if model.folded else model.on_grid()).eval()
        self.cfg, self.bits, n = model.config, bits, model.config.patches
        self.embed = _product(model.embed.project, bits)
        found = whole_weights(model.positions.table.detach()[:, :, None], bits)
        self.positions = _Product(found).currents(found.numbers[..., 0].numpy())
        self.blocks = [_Block(block, n, bits) for block in model.blocks]
        self.first, self.last = (_Neurons(n, self.cfg.width, bits) for _ in range(2))
        self.decay = (1 - 1 / self.cfg.neuron.tau) ** rate
        self.clock, self.seen, self.entered = 0, np.zeros(n, np.int64), np.zeros(n, np.int64)
        memory: Any = model.memory
        heads: Any = model.heads
        self.memory, self.tracks = _Memory(memory, bits, rate), None
        if memory.tracks:
            across = math.isqrt(n)
            self.tracks = FixedTracksReference(
                memory.lines, bits, rate, _product_of(memory.lines, bits), across,
                self.cfg.patch_size,
            )  # fmt: skip
        self.heads = FixedHeadsReference(heads, bits)

    def step(self, frame: np.ndarray) -> list[int]:
        """Lets one frame (2, Y, X) pass; its answer."""
        self.clock += 1
        pixels = self.kept(frame)
        windows = self.windows(pixels)
        counts = windows.sum((1, 2, 3))
        seen = np.flatnonzero((counts >= self.cfg.least_events) & (counts > 0))
        keep = self.touch(self.seen, seen)
        spikes = self.first.fire(seen, self.embed(windows.reshape(len(windows), -1)[seen]), keep)
        at, spikes = seen[spikes.any(1)], spikes[spikes.any(1)]
        if len(at):
            keep = self.touch(self.entered, at)
            x = self.positions[at] + ONE * spikes
            for block in self.blocks:
                x = block(at, x, keep)
            spikes = self.last.fire(at, x, keep)
            wants, anew = self.memory.remember(self.clock, at, spikes)
            if self.tracks:
                self.tracks.follow(self.clock, at, spikes, self.own(pixels)[at], wants, anew)
        return self.heads(self.memory.charges(self.clock), self.clock, self.tracks)

    def kept(self, frame: np.ndarray) -> np.ndarray:
        """Events with enough others around them."""
        side = frame.shape[-1]
        any_, around = np.pad(frame.any(0), 1), np.zeros((side, side), np.int64)
        for dy in range(3):
            for dx in range(3):
                if (dy, dx) != (1, 1):
                    around += any_[dy : dy + side, dx : dx + side]
        kept: np.ndarray = frame & (around >= self.cfg.least_neighbours)
        return kept

    def windows(self, pixels: np.ndarray) -> np.ndarray:
        """(N, 2, kernel, kernel), with what lies beyond the sensor empty."""
        kernel, patch = self.cfg.kernel_size, self.cfg.patch_size
        border, side = (kernel - patch) // 2, pixels.shape[-1]
        wide = np.pad(pixels, [(0, 0), (border, border), (border, border)])
        cuts = range(0, side, patch)
        return np.stack([wide[:, y : y + kernel, x : x + kernel] for y in cuts for x in cuts])

    def own(self, pixels: np.ndarray) -> np.ndarray:
        """(N, 3): events of each patch, and sums of their x and y from its middle, in half
        pixels."""
        patch, side = self.cfg.patch_size, pixels.shape[-1]
        both = pixels.sum(0).reshape(side // patch, patch, side // patch, patch).swapaxes(1, 2)
        both = both.reshape(-1, patch, patch)
        off = 2 * np.arange(patch) + 1 - patch
        return np.stack([both.sum((1, 2)), both.sum(1) @ off, both.sum(2) @ off], 1)

    def touch(self, touched: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Shares of 65536 that the membranes of tokens have left; they are touched now."""
        share = torch.tensor(self.decay, dtype=torch.float64) ** torch.tensor(
            self.clock - touched[at]
        )
        touched[at] = self.clock
        whole = (significant(share, self.bits) * 65536).round().clamp(max=65535)
        return whole.long().numpy()


def _product_of(lines: nn.Module, bits: int) -> _Product:
    """Says and offsets of tracks."""
    weight = torch.cat([lines.vote, lines.offset], -1).detach().mT  # type: ignore[list-item]
    return _Product(whole_weights(weight[None], bits))
