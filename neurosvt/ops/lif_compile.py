"""Leaky integrate-and-fire through `torch.compile`: one fused loop per direction, on any device.

The first call for a number of steps takes 10 to 40 seconds, and needs a C++ compiler on a CPU.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from neurosvt.ops.lif_manual import lif_manual
from neurosvt.ops.surrogate import SURROGATES


def lif_compile(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
) -> tuple[Tensor, Tensor]:
    """As `lif_reference`, where every stream is touched at every rank; touches of unequal number
    would be compiled anew for every batch, and run as `lif_manual` does."""
    if (
        not batch_sizes
        or not current.numel()
        or min(batch_sizes) < len(v)
        or _per_row(keep, len(current))
    ):
        return lif_manual(current, v, batch_sizes, keep, threshold, reset, surrogate, slope)
    by_step = current.reshape(len(batch_sizes), len(v), -1)
    spikes, left = _walk(reset == "soft", surrogate)(by_step, v, keep, threshold, slope)
    return spikes.to(current.dtype).reshape(current.shape), left


def _per_row(keep: float | Tensor, rows: int) -> bool:
    return isinstance(keep, Tensor) and len(keep) == rows > 1


@cache
def _walk(soft: bool, surrogate: str) -> Any:
    smooth = SURROGATES[surrogate].soft

    # With `unbind` and `stack` the loop becomes one kernel; written into slices it does not.
    def walk(
        current: Tensor, v: Tensor, keep: float | Tensor, threshold: float, slope: float
    ) -> tuple[Tensor, Tensor]:
        spikes = []
        for i in current.unbind():
            h = keep * v + i
            soft_step = smooth(h - threshold, slope)
            fired = (h >= threshold).to(h.dtype)
            s = fired + (soft_step - soft_step.detach())
            v = h - threshold * fired if soft else h * (1 - fired)
            spikes.append(s)
        return torch.stack(spikes), v

    return torch.compile(walk, dynamic=False)
