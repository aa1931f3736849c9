"""NeuroSVT with every token at every step: the definition, in plain PyTorch. Read this first.

`models.neurosvt` does the same work at the tokens alone to which something happened. Spikes,
charge, beliefs and gradients are equal (tests/models/test_neurosvt_dense.py). Silence stays silent:
no projection has a bias, norms only scale, positions act where a token fired.

    frames -> events that have company -> patches -> spikes -> blocks -> leaky memory -> beliefs

Axes: T time steps, B batch, Y X pixels, N tokens (one a patch), P pixels of a patch in both
polarities, D width, H heads, K width per head, M memory channels, E numbers read.
"""

import copy
from typing import Any, TypeAlias

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.config import UserError
from neurosvt.models.memory_dense import own_events, remember, scale_channels
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.heads import Belief
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.nn.token_neuron import TokenLIF
from neurosvt.ops.surrogate import spike

Shots: TypeAlias = Shaped[Tensor, "T B 2 Y X"]
Tokens: TypeAlias = Float[Tensor, "T B N _"]
Touched: TypeAlias = Bool[Tensor, "T B N 1"]
Left: TypeAlias = tuple[Tensor, ...]
DenseState: TypeAlias = tuple[Tensor, tuple[Left, ...], Tensor, Tensor]
"""What a sequence leaves behind: membranes of embedding, blocks and read; the memory's charge."""


def fire_dense(current: Tokens, v: Tensor, decay: float, touched: Touched) -> tuple[Tokens, Tensor]:
    """Spikes of every token at every step, and the membranes (B, N, D) after the last.

    `h[t] = decay * v[t-1] + current[t]` fires from 1 on; `v[t]` is `h[t]`, or 0 where it fired. A
    token that nothing touches has no current: it cannot fire, and learns nothing from that.
    """
    spikes = []
    for now, here in zip(current, touched, strict=True):
        h = decay * v + now
        spikes.append(spike(h - 1) * here)
        v = h * (1 - spikes[-1].detach())
    return torch.stack(spikes), v


def project(layer: Any, spikes: Tokens) -> Tokens:
    """A weight that sums spikes up, then its norm."""
    return scale_channels(layer.norm, F.linear(spikes, layer.weight))


class NeuroSVTDense(nn.Module):
    """Event frames in, beliefs out, by a copy of a NeuroSVT's weights (leaky memory alone)."""

    def __init__(self, model: NeuroSVT):
        super().__init__()
        self.config = model.config
        if type(model.memory) is not LeakyMemory or type(model.fire) is not TokenLIF:
            raise UserError("NeuroSVTDense has the leaky memory and LIF neurons, and no others")
        self.decay = 1 - 1 / self.config.neuron.tau
        parts: Any = copy.deepcopy(model)
        self.embed, self.positions, self.blocks = parts.embed, parts.positions, parts.blocks
        self.memory, self.heads = parts.memory, parts.heads
        self.train(model.training)

    def start(self, batch: int) -> DenseState:
        """Samples that have seen nothing: membranes and charge are zero."""
        zeros, (tokens, width) = self.positions.table.new_zeros, self.positions.table.shape
        blocks = tuple(tuple(zeros(batch, tokens, w) for w in b.widths) for b in self.blocks)
        rested, charge = zeros(batch, tokens, width), zeros(batch, self.memory.channels)
        return rested, blocks, rested, charge

    def forward(self, frames: Shots, state: DenseState | None = None) -> tuple[Belief, DenseState]:
        """Beliefs after every step about binary frames, and the state to go on from."""
        batch, left = frames.shape[1], []
        v_embed, v_blocks, v_read, charge = self.start(batch) if state is None else state
        pixels, seen = self.patches(frames)
        spikes, v_embed = fire_dense(project(self.embed.project, pixels), v_embed, self.decay, seen)
        fired = (spikes != 0).any(-1, keepdim=True)  # no other token enters the blocks
        x = (spikes + self.positions.table) * fired
        for layer, v in zip(self.blocks, v_blocks, strict=True):
            x, v = self.block(layer, x, v, fired)
            left.append(v)
        spikes, v_read = fire_dense(x, v_read, self.decay, fired)
        events = own_events(pixels, self.config)
        charges = remember(self.memory, spikes, fired, events, charge)
        return self.heads(charges), (v_embed, tuple(left), v_read, charges[-1])

    def patches(self, frames: Shots) -> tuple[Tokens, Touched]:
        """What tokens look at, without events that are alone and windows that have too few."""
        cfg, like = self.config, self.positions.table
        here = frames.bool().any(2).flatten(0, 1)[:, None].to(like)
        near = F.conv2d(here, here.new_ones(1, 1, 3, 3), padding=1) - here  # of eight around
        kept = frames.flatten(0, 1).to(like) * (near >= cfg.least_neighbours)
        border = (cfg.kernel_size - cfg.patch_size) // 2
        windows = F.unfold(kept, cfg.kernel_size, padding=border, stride=cfg.patch_size)
        pixels = rearrange(windows, "(T B) P N -> T B N P", T=len(frames))
        active = pixels.sum(-1, keepdim=True) >= cfg.least_events
        return pixels * active, active

    def block(self, layer: Any, x: Tokens, v: Left, touched: Touched) -> tuple[Tokens, Left]:
        """Attention without softmax, then an MLP. Spikes are projected; currents are added."""
        left = list(v)

        def fire(i: int, current: Tensor) -> Tensor:
            spikes, left[i] = fire_dense(current, v[i], self.decay, touched)
            return spikes

        qkv, heads = fire(1, project(layer.attention.qkv, fire(0, x))), self.config.heads
        q, k, value = rearrange(qkv, "T B N (qkv H K) -> qkv T B H N K", qkv=3, H=heads)
        counts = rearrange((q @ k.mT) @ value, "T B H N K -> T B N (H K)")
        x = x + project(layer.attention.out, fire(2, scale_channels(layer.attention.norm, counts)))
        return x + project(layer.contract, fire(4, project(layer.expand, fire(3, x)))), tuple(left)
