"""Division by the root mean square and the neurons behind it, in one pass over memory.

`scale_by_rms` followed by `lif_rows` is the definition. What lies between them, as large as the
input, is neither written nor read.

Axes: R rows, S streams, D channels.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.lif import lif_rows
from neurosvt.ops.lif_native import back_through, fire
from neurosvt.ops.native import suits
from neurosvt.ops.scale import back_through_scale, column_sums, scale_by_rms
from neurosvt.ops.surrogate import SURROGATES

# As the neurons of every layer are: threshold 1, hard reset, arctan.
_THRESHOLD, _HARD, _ARCTAN = 1.0, 0, 0
_CONSTANTS = _THRESHOLD, _HARD, _ARCTAN, SURROGATES["arctan"].slope


def rms_lif_rows(
    x: Float[Tensor, "R D"],
    gain: Float[Tensor, " D"],
    eps: float,
    v: Float[Tensor, "S D"],
    *,
    batch_sizes: Sequence[int],
    keep: Float[Tensor, "R 1"],
    backend: str = "auto",
) -> tuple[Float[Tensor, "R D"], Float[Tensor, "S D"], Float[Tensor, " D"]]:
    """Spikes of every row, membranes left, and the mean square: for training.

    Args:
        x: what is scaled, then drives neurons with threshold 1 and hard reset.
        gain, eps: as in `ops.scale.scale_by_rms`.
        v, batch_sizes, keep, backend: as in `ops.lif.lif_rows`.
    """
    if len(x) and suits(x, backend) and v.dtype == torch.float32:
        out: tuple[Tensor, Tensor, Tensor] = _RMSLIF.apply(  # type: ignore[no-untyped-call]
            x.contiguous(), gain, eps, v, tuple(batch_sizes), keep
        )
        return out
    y, mean_square = scale_by_rms(x, gain, eps, backend)
    return *lif_rows(y, v, batch_sizes=batch_sizes, keep=keep, backend=backend), mean_square


def scaled_lif_rows(
    x: Float[Tensor, "R D"],
    scale: Float[Tensor, " D"],
    v: Float[Tensor, "S D"],
    *,
    batch_sizes: Sequence[int],
    keep: Float[Tensor, "R 1"],
    backend: str = "auto",
) -> tuple[Float[Tensor, "R D"], Float[Tensor, "S D"]]:
    """`lif_rows(x * scale)` with a scale that is given: for eval mode."""
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in (x, scale, v))
    if suits(x, backend) and v.dtype == torch.float32 and not learns:
        spikes = empty_like(x)
        scale = scale.to(x.dtype).float().contiguous()
        x = x.contiguous()
        left = fire(x, scale, v, batch_sizes, keep, _THRESHOLD, _HARD, spikes)
        return spikes, left
    return lif_rows(x * scale.to(x.dtype), v, batch_sizes=batch_sizes, keep=keep, backend=backend)


class _RMSLIF(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gain: Tensor,
        eps: float,
        v: Tensor,
        batch_sizes: tuple[int, ...],
        keep: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        squares, filled = column_sums(x, x, kernels=True)
        mean_square = squares / max(1, filled)
        inverse = torch.rsqrt(mean_square + eps)
        spikes = empty_like(x)
        left = fire(x, gain * inverse, v, batch_sizes, keep, _THRESHOLD, _HARD, spikes)
        ctx.save_for_backward(x, gain, inverse, v, keep)
        ctx.rest = batch_sizes, max(1, filled)
        ctx.mark_non_differentiable(mean_square)
        return spikes, left, mean_square

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor, grad_v: Tensor, _: Tensor) -> tuple[Any, ...]:
        x, gain, inverse, v, keep = ctx.saved_tensors
        batch_sizes, filled = ctx.rest
        through, on_v, _none = back_through(
            grad_spikes, x, gain * inverse, v, grad_v, batch_sizes, keep, _CONSTANTS
        )
        on_x, on_gain = back_through_scale(
            through, x, gain, inverse, filled, kernels=True, reuse=True
        )
        return on_x, on_gain, None, on_v, None, None
