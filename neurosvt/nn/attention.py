"""Spike-driven attention over the tokens of one frame.

Axes: R rows, D width, H heads, K width per head, B batch, F frames, N tokens, E = 3 D.
"""

from collections.abc import Callable, Iterator

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.norm import FixedScale, ScaleNorm
from neurosvt.nn.token_neuron import RowContext, TokenNeuron
from neurosvt.ops.attention import spike_attention
from neurosvt.ops.attention_by_frame import attention_by_frame
from neurosvt.ops.native import suits
from neurosvt.ops.rows import FrameSlots, gather_rows, scatter_rows


class SpikeMix(nn.Module):
    """Attention within every frame, between the rows of that frame; learns nothing."""

    def __init__(self, heads: int):
        super().__init__()
        self.heads = heads

    def forward(self, qkv: Float[Tensor, "R E"], frames: FrameSlots) -> Float[Tensor, "R D"]:
        if suits(qkv):
            rows, parts = frames.rows, qkv.unflatten(1, (3, self.heads, -1))
            return attention_by_frame(parts, rows.order, rows.starts).flatten(1)
        mixed = [
            rearrange(spike_attention(q, k, v), "F H N K -> (F N) (H K)")
            for q, k, v in self.by_frame(qkv, frames)
        ]
        # No rows are in no frame, and still have their place in the backward pass.
        mixed = mixed or [qkv[:, : qkv.shape[1] // 3]]
        return gather_rows(torch.cat(mixed), frames.slots)

    def by_frame(
        self, qkv: Float[Tensor, "R E"], frames: FrameSlots
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """q, k and v (F, H, N, K) of frames of like fullness; empty places are silent tokens."""
        padded = scatter_rows(qkv, frames.slots, frames.size)
        # Split, not sliced: each slice's gradient would be as large as the whole.
        parts = padded.split([count * tokens for count, tokens in frames.buckets])
        for part, (_, tokens) in zip(parts, frames.buckets, strict=True):
            # One copy into the order of the products, rather than one before each.
            q, k, v = rearrange(
                part, "(F N) (three H K) -> three F H N K", N=tokens, three=3, H=self.heads
            ).contiguous()
            yield q, k, v


class SpikeAttention(nn.Module):
    """q, k and v are spikes; their products are counts; counts fire again. No softmax (SDSA).

    Tokens without a row are silent: their keys and values are zero, so leaving them out of their
    frame's sums changes nothing.
    """

    def __init__(
        self, width: int, heads: int, neuron: Callable[[int], TokenNeuron], gain: float = 1.0
    ):
        super().__init__()
        self.qkv = SpikeLinear(width, 3 * width)
        self.fire_qkv = neuron(3 * width)
        self.mix = SpikeMix(heads)
        # Counts grow with the number of tokens that fired; a scale per channel stands for the
        # fixed 1/8 of Spikformer's code and folds into the threshold of the neuron behind it.
        self.norm: nn.Module = ScaleNorm(width)
        self.fire = neuron(width)
        self.out = SpikeLinear(width, width, gain)

    def forward(
        self,
        spikes: Float[Tensor, "R D"],
        v: tuple[Float[Tensor, "B N E"], Float[Tensor, "B N D"]],
        ctx: RowContext,
        frames: FrameSlots,
    ) -> tuple[Float[Tensor, "R D"], tuple[Float[Tensor, "B N E"], Float[Tensor, "B N D"]]]:
        qkv, v_qkv = self.fire_qkv(self.qkv(spikes, scaled=False), v[0], ctx, self.qkv.norm)
        mixed, v_mixed = self.fire(self.mix(qkv, frames), v[1], ctx, self.norm)
        return self.out(mixed), (v_qkv, v_mixed)

    def fold(self) -> None:
        """Put the scale of the counts on the grid."""
        if isinstance(self.norm, ScaleNorm):
            self.norm = FixedScale(self.norm.scale())
        elif not isinstance(self.norm, FixedScale):
            raise UserError(f"a {type(self.norm).__name__} cannot be made a fixed scale")
