"""Division by the root mean square of each channel, its backward pass written out.

Axes: R rows, D channels.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.precision import at_least_float32


def scale_by_rms(
    x: Float[Tensor, "R D"], gain: Float[Tensor, " D"], eps: float, backend: str = "auto"
) -> tuple[Float[Tensor, "R D"], Float[Tensor, " D"]]:
    """`x * gain / sqrt(mean_square + eps)`, and the mean square over rows that are not all zero.

    Zero rows are not counted, so a mean square says how strong a row is and not how rare. The
    result has the precision of `x`, the mean square is float32.
    """
    if backend == "reference":
        return scale_by_rms_reference(x, gain, eps)
    out: tuple[Tensor, Tensor] = _ScaleByRMS.apply(  # type: ignore[no-untyped-call]
        x, gain, eps, suits(x, backend)
    )
    return out


def scale_by_rms_reference(x: Tensor, gain: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The definition, differentiated by autograd."""
    wide = at_least_float32(x)
    fired = (x != 0).any(1).sum().clamp(min=1)
    mean_square = wide.square().sum(0) / fired
    return (wide * (gain * torch.rsqrt(mean_square + eps))).to(x.dtype), mean_square.detach()


class _ScaleByRMS(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gain: Tensor, eps: float, kernels: bool
    ) -> tuple[Tensor, Tensor]:
        x = x.contiguous()
        squares, filled = column_sums(x, x, kernels)
        mean_square = squares / max(1, filled)
        inverse = torch.rsqrt(mean_square + eps)
        ctx.save_for_backward(x, gain, inverse)
        ctx.filled, ctx.kernels = max(1, filled), kernels
        ctx.mark_non_differentiable(mean_square)
        return _scale_rows(x, gain * inverse, kernels), mean_square

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, gain, inverse = ctx.saved_tensors
        grad = grad.to(x.dtype).contiguous()
        found = back_through_scale(grad, x, gain, inverse, ctx.filled, ctx.kernels)
        return *found, None, None


def _scale_rows(x: Tensor, scale: Tensor, kernels: bool) -> Tensor:
    if not kernels:
        return (at_least_float32(x) * scale).to(x.dtype)
    y = empty_like(x)
    call("scale_rows", x.dtype, x, scale.float().contiguous(), *x.shape, y)
    return y


def column_sums(x: Tensor, y: Tensor, kernels: bool) -> tuple[Tensor, int]:
    """Sum of `x * y` over rows, in float32 at least, and how many rows of `x` are not all zero."""
    if not kernels:
        return (at_least_float32(x) * y).sum(0), int((x != 0).any(1).sum())
    sums = torch.zeros(x.shape[1])
    return sums, call("column_sums", x.dtype, x, y, *x.shape, sums)


def back_through_scale(
    grad: Tensor,
    x: Tensor,
    gain: Tensor,
    inverse: Tensor,
    filled: int,
    kernels: bool,
    *,
    reuse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Gradients of `x` and `gain` from that of the scaled rows.

    Args:
        grad: of the scaled rows, in the precision of `x`.
        inverse: 1 / sqrt(mean_square + eps).
        filled: rows that were not all zero, at least 1.
        kernels: whether they may be called.
        reuse: whether `grad` is the caller's own, and may be written over.
    """
    along, _ = column_sums(x, grad, kernels)
    scale, pull = gain * inverse, gain * inverse.pow(3) / filled * along
    if not kernels:
        return (grad * scale - x * pull).to(x.dtype), inverse * along
    out = grad if reuse else empty_like(x)
    call("scale_backward", x.dtype, grad, x, scale.float(), pull.float(), *x.shape, out)
    return out, inverse * along
