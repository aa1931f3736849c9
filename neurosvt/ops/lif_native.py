"""Leaky integrate-and-fire through the kernels: each pass reads and writes memory once.

Nothing but the current is kept for the backward pass, which computes the membranes again.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.lif_definition import lif_reference
from neurosvt.ops.lif_manual import lif_manual
from neurosvt.ops.native import call, numbers_or_bytes, suits
from neurosvt.ops.operators import Operator, ready

_SURROGATES = {"arctan": 0, "sigmoid": 1}


def lif_native(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
    *,
    backend: str = "native",
) -> tuple[Tensor, Tensor]:
    """As `lif_reference`; what the backend's kernels do not know (a decay for every neuron at every
    step, double precision, another device) runs in PyTorch."""
    if not kernels_know(current, v, keep, backend):
        return lif_manual(current, v, batch_sizes, keep, threshold, reset, surrogate, slope)
    out: tuple[Tensor, Tensor] = _lif(
        current, v, batch_sizes, *_as_tensor(keep), threshold, reset, surrogate, slope
    )
    return out


def lif_bytes(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: float | Tensor,
    threshold: float,
    reset: str,
) -> tuple[Tensor, Tensor]:
    """Spikes in a byte each, for inputs that `kernels_know`; no gradients."""
    out: tuple[Tensor, Tensor] = _lif_bytes(
        current, v, batch_sizes, *_as_tensor(keep), threshold, reset
    )
    return out


def kernels_know(current: Tensor, v: Tensor, keep: float | Tensor, backend: str = "auto") -> bool:
    """Whether the backend has a kernel for these: one decay for all; one for every row, constant;
    or one for every channel, learnt or not; currents and membranes of the kinds that kernels
    take."""
    known = not isinstance(keep, Tensor) or (
        keep.dtype == torch.float32
        and keep.device == current.device
        and (len(keep) == 1 or (keep.shape[1] == 1 and not keep.requires_grad))
    )
    fits = known and suits(current, backend, on_gpus=True)
    return fits and v.dtype == torch.float32 and v.device == current.device


def _as_tensor(keep: float | Tensor) -> tuple[Tensor | None, float]:
    return (keep, 0.0) if isinstance(keep, Tensor) else (None, float(keep))


def _decays(
    keep: Tensor | None, rows: int, width: int, scale: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """Those of rows, and those of channels: one for all is one for every channel, unless channels
    have a scale, beside which the kernels know decays of rows alone."""
    if keep is None:
        return None, None
    keep = ready(keep)
    if scale is not None:
        return keep.expand(rows, 1).contiguous(), None
    if keep.shape == (rows, 1) != (1, 1):
        return keep, None
    return None, keep.expand(1, width).contiguous()


def fire(
    current: Tensor,
    scale: Tensor | None,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor | None,
    for_all: float,
    threshold: float,
    soft: bool,
    spikes: Tensor,
) -> Tensor:
    """The forward kernel: fills `spikes`, floats or bytes; returns the membranes left."""
    rows, width = current.shape
    v = v.clone(memory_format=torch.contiguous_format)
    call(
        "lif_forward", current, scale, v, batch_sizes, *_decays(keep, rows, width, scale), for_all,
        threshold, soft, *numbers_or_bytes(spikes),
    )  # fmt: skip
    return v


def back_through(
    grad_spikes: Tensor,
    current: Tensor,
    scale: Tensor | None,
    v: Tensor,
    grad_v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor | None,
    for_all: float,
    threshold: float,
    soft: bool,
    surrogate: str,
    slope: float,
    along: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The backward kernel, from what the forward kernel was given; to `along`, one for each
    channel of a current that has a scale, it adds the sum over rows of current times gradient.

    Returns:
        Gradients of what drove the neurons (the current, after its scale), of the membranes at the
        beginning, and, for a decay per channel, of it.
    """
    rows, width = current.shape
    grad_v = grad_v.to(torch.float32).clone(memory_format=torch.contiguous_format)
    of_rows, of_channels = _decays(keep, rows, width, scale)
    grad = empty_like(current)
    grad_keep = None if of_channels is None else torch.zeros_like(of_channels)
    call(
        "lif_backward", ready(grad_spikes, current.dtype), current, scale, ready(v), grad_v,
        batch_sizes, of_rows, of_channels, for_all, threshold, soft, _SURROGATES[surrogate], slope,
        grad, grad_keep, along,
    )  # fmt: skip
    return grad, grad_v, grad_keep


def _forward(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor | None,
    for_all: float,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
) -> tuple[Tensor, Tensor]:
    spikes = empty_like(current)
    current, soft = ready(current, current.dtype), reset == "soft"
    left = fire(current, None, v, batch_sizes, keep, for_all, threshold, soft, spikes)
    return spikes, left


def _backward(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor | None,
    for_all: float,
    threshold: float,
    reset: str,
    surrogate: str,
    slope: float,
    grad_spikes: Tensor,
    grad_v: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    grad, on_v, on_keep = back_through(
        grad_spikes, ready(current, current.dtype), None, v, grad_v, batch_sizes, keep, for_all,
        threshold, reset == "soft", surrogate, slope,
    )  # fmt: skip
    if keep is None or on_keep is None:
        return grad, on_v, grad.new_empty(0, dtype=torch.float32)
    return grad, on_v, on_keep if keep.shape == on_keep.shape else on_keep.sum().reshape(1, 1)


def _fake_backward(current: Tensor, v: Tensor, sizes: Any, keep: Tensor | None, *rest: Any) -> Any:
    wanted = keep is not None and len(keep) == 1
    on_keep = torch.empty_like(keep) if wanted else current.new_empty(0, dtype=torch.float32)  # type: ignore[arg-type]
    return torch.empty_like(current), torch.empty_like(v), on_keep


def _gradients(inputs: Sequence[Any], outputs: Any, grads: Sequence[Tensor]) -> Any:
    grad, on_v, on_keep = _lif_backward(*inputs, *grads)
    return grad, on_v, None, on_keep if on_keep.numel() else None, *[None] * 5


def _definition(
    current: Tensor, v: Tensor, batch_sizes: Any, keep: Tensor | None, for_all: float, *rest: Any
) -> Any:
    return lif_reference(current, v, batch_sizes, for_all if keep is None else keep, *rest)


def _bytes(
    current: Tensor,
    v: Tensor,
    batch_sizes: Sequence[int],
    keep: Tensor | None,
    for_all: float,
    threshold: float,
    reset: str,
) -> tuple[Tensor, Tensor]:
    spikes, soft = empty_like(current, torch.uint8), reset == "soft"
    current = ready(current, current.dtype)
    return spikes, fire(current, None, v, batch_sizes, keep, for_all, threshold, soft, spikes)


_NEURONS = (
    "Tensor current, Tensor v, int[] batch_sizes, Tensor? keep, float for_all, float threshold, "
    "str reset"
)
_lif = Operator(
    f"lif_rows({_NEURONS}, str surrogate, float slope) -> (Tensor, Tensor)",
    _forward,
    lambda current, v, *rest: (torch.empty_like(current), torch.empty_like(v)),
    backward=_gradients,
    definition=_definition,
)
_lif_backward = Operator(
    f"lif_rows_backward({_NEURONS}, str surrogate, float slope, Tensor grad_spikes, Tensor grad_v)"
    " -> (Tensor, Tensor, Tensor)",
    _backward,
    _fake_backward,
)
_lif_bytes = Operator(
    f"lif_rows_bytes({_NEURONS}) -> (Tensor, Tensor)",
    _bytes,
    lambda current, v, *rest: (
        current.new_empty(current.shape, dtype=torch.uint8),
        torch.empty_like(v),
    ),
)
