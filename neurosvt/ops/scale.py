"""Division by the root mean square of each channel, its backward pass written out.

Axes: R rows, D channels.
"""

from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.across import is_shared, sum_across, total
from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, WrittenOut, ready
from neurosvt.ops.precision import at_least_float32, check_floats


def scale_by_rms(
    x: Float[Tensor, "R D"], gain: Float[Tensor, " D"], eps: float, backend: str = "auto"
) -> tuple[Float[Tensor, "R D"], Float[Tensor, " D"]]:
    """`x * gain / sqrt(mean_square + eps)`, and the mean square over rows that are not all zero.

    Zero rows are not counted, so a mean square says how strong a row is and not how rare it is. The
    result has the precision of `x`, the mean square is at least float32. Of a batch that processes
    share (`ops.across`), it is that of the rows of all of them.
    """
    check_floats(x=x, gain=gain)
    if backend == "reference":
        return scale_by_rms_reference(x, gain, eps, is_shared())
    native = len(x) and suits(x, backend, on_gpus=True) and gain.device == x.device
    out: tuple[Tensor, Tensor] = (_native if native else _manual)(x, gain, eps, is_shared())
    return out


def scale_by_rms_reference(
    x: Tensor, gain: Tensor, eps: float, shared: bool = False
) -> tuple[Tensor, Tensor]:
    """The definition, differentiated by autograd."""
    gain = at_least_float32(gain)
    wide = at_least_float32(x)
    squares, fired = wide.square().sum(0), (x != 0).any(1).sum(0, keepdim=True)
    if shared:
        squares, fired = total(torch.cat([squares, fired])).split([len(squares), 1])
    mean_square = squares / fired.clamp(min=1)
    return (wide * (gain * torch.rsqrt(mean_square + eps))).to(x.dtype), mean_square.detach()


def _scale(
    x: Tensor, gain: Tensor, eps: float, shared: bool, *, kernels: bool
) -> tuple[Tensor, Tensor]:
    x, gain = ready(x, x.dtype), at_least_float32(gain)
    mean_square = mean_squares(x, kernels, shared)
    scale = gain * torch.rsqrt(mean_square + eps)
    if not kernels:
        return (at_least_float32(x) * scale).to(x.dtype), mean_square
    y = empty_like(x)
    call("scale_rows", x, ready(scale), y)
    return y, mean_square


def mean_squares(x: Tensor, kernels: bool, shared: bool) -> Tensor:
    """Of each channel, over rows that are not all zero; `shared`: over those of all processes."""
    squares, filled = column_sums(x, x, kernels)
    if shared:
        squares, filled = sum_across(squares, filled)
    return squares / filled.clamp(min=1)


def column_sums(x: Tensor, y: Tensor, kernels: bool) -> tuple[Tensor, Tensor]:
    """Sum of `x * y` over rows, in float32 at least, and how many rows of `x` are not all zero."""
    if not kernels:
        return (at_least_float32(x) * y).sum(0), (x != 0).any(1).sum()
    sums, filled = x.new_zeros(x.shape[1], dtype=torch.float32), _count_beside(x)
    call("column_sums", x, y, sums, filled)
    return sums, filled


def _count_beside(x: Tensor) -> Tensor:
    """Room for a count, where `x` is: to read it would be to wait for a GPU."""
    return x.new_empty(1, dtype=torch.int64)


def back_through_scale(
    grad: Tensor,
    x: Tensor,
    gain: Tensor,
    mean_square: Tensor,
    eps: float,
    shared: bool,
    kernels: bool,
    *,
    along: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradients of `x` and `gain` from that of the scaled rows.

    Args:
        grad: of the scaled rows, in the precision of `x`.
        shared: whether the mean square was that of all processes.
        kernels: whether they may be called.
        along: the sum of `x * grad` over rows, from a caller who has it, and whose own `grad` is:
            it is written over.
    """
    gain, inverse = at_least_float32(gain), torch.rsqrt(mean_square + eps)
    out = empty_like(x) if kernels and along is None else grad
    if along is None:
        along, filled = column_sums(x, grad, kernels)
    else:
        filled = _count_beside(x)
        call("filled_rows", x, filled)
    # The gain learns of these rows alone: gradients of all processes are added up later.
    on_gain = inverse * along
    if shared:
        along, filled = sum_across(along, filled)
    scale, pull = gain * inverse, gain * inverse.pow(3) / filled.clamp(min=1) * along
    if not kernels:
        return (grad * scale - x * pull).to(x.dtype), on_gain
    call("scale_backward", grad, x, ready(scale), ready(pull), out)
    return out, on_gain


def _backward(
    grad: Tensor,
    x: Tensor,
    gain: Tensor,
    mean_square: Tensor,
    eps: float,
    shared: bool,
    *,
    kernels: bool,
) -> tuple[Tensor, Tensor]:
    grad, x = ready(grad, x.dtype), ready(x, x.dtype)
    return back_through_scale(grad, x, gain, mean_square, eps, shared, kernels)


def _definition(x: Tensor, gain: Tensor, eps: float, shared: bool) -> Tensor:
    return scale_by_rms_reference(x, gain, eps, shared)[0]


def _manual_gradients(inputs: Any, kept: Any, grads: Any) -> Any:
    x, gain, *rest = inputs
    return *_backward(grads[0], x, gain, kept[0], *rest, kernels=False), None, None


def _native_gradients(inputs: Any, kept: Any, grads: Any) -> Any:
    x, gain, *rest = inputs
    return *_native_backward(grads[0], x, gain, kept[0], *rest), None, None


_manual = WrittenOut(
    "scale_by_rms_manual",
    partial(_scale, kernels=False),
    backward=_manual_gradients,
    definition=_definition,
    constants=[1],
    keeps=[1],
)
_native = Operator(
    "scale_by_rms(Tensor x, Tensor gain, float eps, bool shared) -> (Tensor, Tensor)",
    partial(_scale, kernels=True),
    lambda x, gain, *rest: (torch.empty_like(x), gain.new_empty(gain.shape, dtype=torch.float32)),
    backward=_native_gradients,
    definition=_definition,
    constants=[1],
    keeps=[1],
)
_native_backward = Operator(
    "scale_by_rms_backward(Tensor grad, Tensor x, Tensor gain, Tensor mean_square, float eps, "
    "bool shared) -> (Tensor, Tensor)",
    partial(_backward, kernels=True),
    lambda grad, x, gain, *rest: (
        torch.empty_like(x), gain.new_empty(gain.shape, dtype=torch.float32),
    ),
)  # fmt: skip
