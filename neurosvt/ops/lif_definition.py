"""Leaky integrate-and-fire, one rank at a time: what every other form of it has to agree with."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosvt.ops.surrogate import spike


def lif_reference(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float | Tensor,
    reset: str,
    surrogate: str,
    slope: float | Tensor,
) -> tuple[Tensor, Tensor]:
    """The definition, differentiated by autograd; arguments as of `ops.lif.lif_rows`."""
    spikes, start = [current[:0].to(v.dtype)], 0
    for size in batch_sizes:
        rows = slice(start, start + size)
        left_over = keep[rows] if isinstance(keep, Tensor) and len(keep) > 1 else keep
        h = left_over * v[:size] + current[rows]
        s = spike(h - threshold, slope, surrogate)
        left = h * (1 - s.detach()) if reset == "hard" else h - threshold * s.detach()
        v = torch.cat([left, v[size:]])
        spikes.append(s)
        start += size
    return torch.cat(spikes).to(current.dtype), v
