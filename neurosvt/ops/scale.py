"""Division by the root mean square of each channel, its backward pass written out.

Axes: R rows, D channels.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.native import call, suits


def scale_by_rms(
    x: Float[Tensor, "R D"], gain: Float[Tensor, " D"], eps: float
) -> tuple[Float[Tensor, "R D"], Float[Tensor, " D"]]:
    """`x * gain / sqrt(mean_square + eps)`, and the mean square over rows that are not all zero.

    Zero rows are not counted, so a mean square says how strong a row is and not how rare. The
    result has the precision of `x`, the mean square is float32.
    """
    return _ScaleByRMS.apply(x, gain, eps)


def scale_by_rms_reference(x: Tensor, gain: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The definition, differentiated by autograd."""
    fired = (x != 0).any(1).sum().clamp(min=1)
    mean_square = x.square().sum(0) / fired
    return x * (gain * torch.rsqrt(mean_square + eps)), mean_square.detach()


class _ScaleByRMS(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        x = x.contiguous()
        squares, fired = _column_sums(x, x)
        mean_square = squares / max(1, fired)
        inverse = torch.rsqrt(mean_square + eps)
        ctx.save_for_backward(x, gain, inverse)
        ctx.fired = max(1, fired)
        ctx.mark_non_differentiable(mean_square)
        return scale_rows(x, gain * inverse), mean_square

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        x, gain, inverse = ctx.saved_tensors
        grad = grad.to(x.dtype).contiguous()
        along, _fired = _column_sums(x, grad)
        pull = gain * inverse.pow(3) / ctx.fired * along
        return _scale_backward(grad, x, gain * inverse, pull), inverse * along, None


def scale_rows(x: Float[Tensor, "R D"], scale: Float[Tensor, " D"]) -> Float[Tensor, "R D"]:
    """`x * scale`, in the precision of `x`; not differentiable by itself."""
    if not suits(x):
        return x * scale.to(x.dtype)
    y = torch.empty_like(x)
    call("scale_rows", x.dtype, x, scale.float().contiguous(), *x.shape, y)
    return y


def _column_sums(x: Tensor, y: Tensor) -> tuple[Tensor, int]:
    """Sum of `x * y` over rows, in float32 at least, and how many rows of `x` are not all zero."""
    if not suits(x):
        wide = torch.promote_types(x.dtype, torch.float32)
        return (x.to(wide) * y).sum(0), int((x != 0).any(1).sum())
    sums = torch.zeros(x.shape[1])
    return sums, call("column_sums", x.dtype, x, y, *x.shape, sums)


def _scale_backward(grad: Tensor, x: Tensor, scale: Tensor, pull: Tensor) -> Tensor:
    if not suits(x):
        return grad * scale - x * pull
    out = torch.empty_like(x)
    call("scale_backward", x.dtype, grad, x, scale.float(), pull.float(), *x.shape, out)
    return out
