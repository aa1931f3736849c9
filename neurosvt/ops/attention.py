"""Attention between spikes, without softmax.

With q, k and v exactly 0 or 1 there is nothing to normalise: `q k^T` counts spikes that meet, and
the product with v adds counts up. Whole numbers in any order, so the cheaper order is free to take.

Axes: *b batch, usually frames and heads; N tokens, K width per head.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.precision import at_least_float32


def spike_attention(
    q: Float[Tensor, "*b N K"], k: Float[Tensor, "*b N K"], v: Float[Tensor, "*b N K"]
) -> Float[Tensor, "*b N K"]:
    """`(q k^T) v`, or `q (k^T v)` where that is fewer operations; equal to the bit for spikes.

    The first costs `2 N N K`, the second `2 N K K`. Both are exact while counts stay below 2^24,
    which is why this is computed in float32 also under autocast: bfloat16 ends at 256.

    Source: spiking self-attention, Spikformer (Zhou et al., ICLR 2023), sec. 3.2, without its
    scale; the order of products as in Spike-driven Transformer V2 (Yao et al., ICLR 2024).
    """
    with torch.autocast(q.device.type, enabled=False):
        q, k, v = map(at_least_float32, (q, k, v))
        if q.shape[-2] <= q.shape[-1]:
            return (q @ k.transpose(-1, -2)) @ v
        return q @ (k.transpose(-1, -2) @ v)
