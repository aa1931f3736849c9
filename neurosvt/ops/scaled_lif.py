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

from neurosvt.ops.across import is_shared
from neurosvt.ops.buffers import empty_like
from neurosvt.ops.lif import lif_rows
from neurosvt.ops.lif_definition import lif_reference
from neurosvt.ops.lif_native import back_through, fire, kernels_know
from neurosvt.ops.operators import Operator, ready, wants_gradient
from neurosvt.ops.precision import check_floats
from neurosvt.ops.scale import (
    back_through_scale,
    mean_squares,
    scale_by_rms,
    scale_by_rms_reference,
)
from neurosvt.ops.surrogate import SURROGATES

# As the neurons of every layer are.
_THRESHOLD, _SOFT, _RESET, _SURROGATE = 1.0, False, "hard", "arctan"
_SLOPE = SURROGATES[_SURROGATE].slope


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
    check_floats(x=x, gain=gain, v=v, keep=keep)
    if len(x) and _fits(x, v, keep, backend):
        out: tuple[Tensor, Tensor, Tensor] = _rms_lif(
            x, gain, eps, v, batch_sizes, keep, is_shared()
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
    check_floats(x=x, scale=scale, v=v, keep=keep)
    if _fits(x, v, keep, backend) and not wants_gradient(x, scale, v):
        out: tuple[Tensor, Tensor] = _scaled_lif(x, scale, v, batch_sizes, keep)
        return out
    return lif_rows(x * scale.to(x.dtype), v, batch_sizes=batch_sizes, keep=keep, backend=backend)


def _fits(x: Tensor, v: Tensor, keep: Tensor, backend: str) -> bool:
    return kernels_know(x, v, keep, backend)


def _forward_scaled(
    x: Tensor, scale: Tensor, v: Tensor, batch_sizes: Sequence[int], keep: Tensor
) -> tuple[Tensor, Tensor]:
    spikes, scale = empty_like(x), ready(scale.to(x.dtype))
    left = fire(ready(x, x.dtype), scale, v, batch_sizes, keep, 0.0, _THRESHOLD, _SOFT, spikes)
    return spikes, left


def _forward(
    x: Tensor,
    gain: Tensor,
    eps: float,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor,
    shared: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    x = ready(x, x.dtype)
    mean_square = mean_squares(x, True, shared)
    scale = _scale(gain, mean_square, eps)
    spikes = empty_like(x)
    left = fire(x, scale, v, batch_sizes, keep, 0.0, _THRESHOLD, _SOFT, spikes)
    return spikes, left, mean_square


def _scale(gain: Tensor, mean_square: Tensor, eps: float) -> Tensor:
    return ready(gain) * torch.rsqrt(mean_square + eps)


def _backward(
    x: Tensor,
    gain: Tensor,
    eps: float,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor,
    shared: bool,
    mean_square: Tensor,
    grad_spikes: Tensor,
    grad_v: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    x, along = ready(x, x.dtype), torch.zeros_like(mean_square)
    through, on_v, _ = back_through(
        grad_spikes, x, _scale(gain, mean_square, eps), v, grad_v, batch_sizes, keep, 0.0,
        _THRESHOLD, _SOFT, _SURROGATE, _SLOPE, along,
    )  # fmt: skip
    on_x, on_gain = back_through_scale(
        through, x, gain, mean_square, eps, shared, kernels=True, along=along
    )
    return on_x, on_gain, on_v


def _gradients(inputs: Any, kept: Any, grads: Any) -> Any:
    on_x, on_gain, on_v = _rms_lif_backward(*inputs, *kept, *grads[:2])
    return on_x, on_gain, None, on_v, None, None, None


def _definition(
    x: Tensor,
    gain: Tensor,
    eps: float,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor,
    shared: bool,
) -> tuple[Tensor, Tensor]:
    y, _ = scale_by_rms_reference(x, gain, eps, shared)
    return lif_reference(y, v, batch_sizes, keep, _THRESHOLD, _RESET, _SURROGATE, _SLOPE)


def _like_channels(gain: Tensor) -> Tensor:
    return gain.new_empty(gain.shape, dtype=torch.float32)


_rms_lif = Operator(
    "rms_lif_rows(Tensor x, Tensor gain, float eps, Tensor v, int[] batch_sizes, Tensor keep, "
    "bool shared) -> (Tensor, Tensor, Tensor)",
    _forward,
    lambda x, gain, eps, v, *rest: (
        torch.empty_like(x), torch.empty_like(v), _like_channels(gain),
    ),
    backward=_gradients,
    definition=_definition,
    constants=[2],
    keeps=[2],
)  # fmt: skip
_rms_lif_backward = Operator(
    "rms_lif_rows_backward(Tensor x, Tensor gain, float eps, Tensor v, int[] batch_sizes, "
    "Tensor keep, bool shared, Tensor mean_square, Tensor grad_spikes, Tensor grad_v) -> "
    "(Tensor, Tensor, Tensor)",
    _backward,
    lambda x, gain, eps, v, *rest: (
        torch.empty_like(x), _like_channels(gain), torch.empty_like(v),
    ),
)  # fmt: skip
_scaled_lif = Operator(
    "scaled_lif_rows(Tensor x, Tensor scale, Tensor v, int[] batch_sizes, Tensor keep) -> "
    "(Tensor, Tensor)",
    _forward_scaled,
    lambda x, scale, v, *rest: (torch.empty_like(x), torch.empty_like(v)),
)
