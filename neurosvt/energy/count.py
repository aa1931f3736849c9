"""Spikes and synaptic operations of an actual run, counted on the values that flowed.

A synaptic operation (SOP) is one spike reaching one target: sum over spikes of their fan-out.
Binary pixels count as spikes. In attention, keys meet values (or queries keys), then queries the
result, in whichever order is fewer. The readout behind the memory multiplies real numbers and is
not among these.

Axes: F frames, H heads, N tokens, K width per head.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neurosvt.nn.attention import SpikeMix
from neurosvt.nn.block import Block
from neurosvt.nn.embed import SpikingPatchEmbed
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.memory import PositionRead
from neurosvt.nn.neuron import TokenLIF


@dataclass
class Count:
    """Running totals."""

    spikes: int = 0
    """Emitted by the spatial part's neurons."""
    synops: int = 0
    """Synaptic operations of the spatial part and of writing to the memory."""
    touched: int = 0
    """Tokens with at least one event in view."""
    working: int = 0
    """Tokens that fired into the blocks: the others end at the embedding."""

    def __iadd__(self, other: "Count") -> "Count":
        self.spikes += other.spikes
        self.synops += other.synops
        self.touched += other.touched
        self.working += other.working
        return self


@contextmanager
def counting(model: nn.Module) -> Iterator[Count]:
    """Counts every forward pass of the model within; per frame, if fed frame by frame."""
    count = Count()

    def linear(module: SpikeLinear, inputs: tuple[Any, ...], output: Tensor) -> None:
        count.synops += _nonzero(inputs[0]) * module.out_features

    def read(module: PositionRead, inputs: tuple[Any, ...], output: Tensor) -> None:
        count.synops += _nonzero(inputs[0]) * module.shared.shape[1]

    def neuron(module: TokenLIF, inputs: tuple[Any, ...], output: Any) -> None:
        count.spikes += _nonzero(output[0])

    def embed(module: SpikingPatchEmbed, inputs: tuple[Any, ...], output: Any) -> None:
        count.touched += len(inputs[0])

    def block(module: Block, inputs: tuple[Any, ...], output: Any) -> None:
        count.working += len(inputs[0])

    def attention(module: SpikeMix, inputs: tuple[Any, ...], output: Tensor) -> None:
        qkv, frames = inputs
        for q, k, v in module.by_frame(qkv, frames):
            count.synops += mixing_synops(q, k, v)

    kinds = (
        (SpikeLinear, linear),
        (SpikeMix, attention),
        (PositionRead, read),
        (TokenLIF, neuron),
        (SpikingPatchEmbed, embed),
    )
    hooks = [
        module.register_forward_hook(hook)
        for module in model.modules()
        for kind, hook in kinds
        if isinstance(module, kind)
    ]
    # Tokens go through every block; counted once.
    first = next((m for m in model.modules() if isinstance(m, Block)), None)
    if first is not None:
        hooks.append(first.register_forward_hook(block))
    try:
        yield count
    finally:
        for hook in hooks:
            hook.remove()


def mixing_synops(q: Tensor, k: Tensor, v: Tensor) -> int:
    """Operations of `(q k^T) v`, or `q (k^T v)` where fewer, per head; (F, H, N, K) spikes.

    `q k^T`: one for every pair of spikes of a query and a key in the same channel, then every
    non-zero count reaches the spikes of its value. `k^T v`: one for every pair of spikes of a key
    and a value of the same token, then every spike of a query reaches K sums.
    """
    q, k, v = q.double(), k.double(), v.double()  # whole numbers, exact to 2^53
    pairs = (q.sum(-2) * k.sum(-2)).sum(-1)
    through = ((q @ k.transpose(-1, -2) != 0).to(q.dtype).sum(-2) * v.sum(-1)).sum(-1)
    tokens = (k.sum(-1) * v.sum(-1)).sum(-1) + q.sum((-1, -2)) * q.shape[-1]
    return int(torch.minimum(pairs + through, tokens).sum())


def _nonzero(x: Tensor) -> int:
    return int(torch.count_nonzero(x))
