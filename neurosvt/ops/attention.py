"""Attention between spikes, without softmax.

With q, k and v exactly 0 or 1 there is nothing to normalise: `q k^T` counts spikes that meet, and
the product with v adds counts up. Whole numbers in any order, so the cheaper order is free to take.

Axes: *b batch, usually frames and heads; N tokens, K width per head.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.precision import at_least_float32

EXACT_IN_HALF = 256
"""Whole numbers up to this are exact in bfloat16."""


def spike_attention(
    q: Float[Tensor, "*b N K"], k: Float[Tensor, "*b N K"], v: Float[Tensor, "*b N K"]
) -> Float[Tensor, "*b N K"]:
    """`(q k^T) v`, or `q (k^T v)` where that is fewer operations; equal to the bit for spikes.

    The first costs `2 N N K`, the second `2 N K K`. Sums are float32, exact to 2^24; spikes in
    bfloat16 stay in it while what meets first counts no further than 256, where it ends to be
    exact, and the result is rounded to it once.

    Source: spiking self-attention, Spikformer (Zhou et al., ICLR 2023), sec. 3.2, without its
    scale; the order of products as in Spike-driven Transformer V2 (Yao et al., ICLR 2024).
    """
    tokens, width = q.shape[-2:]
    with torch.autocast(q.device.type, enabled=False):
        if q.dtype != torch.bfloat16 or max(tokens, width) > EXACT_IN_HALF:
            q, k, v = map(at_least_float32, (q, k, v))
        if tokens <= width:
            return (q @ k.transpose(-1, -2)) @ v
        return q @ (k.transpose(-1, -2) @ v)
