"""Attention between the rows of every frame, by a kernel that goes from spike to spike.

`ops.attention.spike_attention`, frame by frame, is the definition.

Axes: R rows, F frames with at least one row, H heads, K width per head.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurosvt.ops.attention import spike_attention
from neurosvt.ops.buffers import empty, empty_like
from neurosvt.ops.native import call
from neurosvt.ops.operators import Operator, ready


def attention_by_frame(
    qkv: Float[Tensor, "R 3 H K"], order: Int[Tensor, " R"], starts: Int[Tensor, " G"]
) -> Float[Tensor, "R H K"]:
    """`(q k^T) v` among the rows of each frame, for tensors that kernels take.

    Sums are float32, exact for spikes to 2^24, and rounded once to the type of `qkv`.

    Args:
        qkv: queries, keys and values.
        order: rows by their frame.
        starts: F + 1 places, where in `order` each frame begins and where the last ends.

    Raises:
        ValueError: an order or a start that leads nowhere.
    """
    out: Tensor = _attention(qkv, order, starts)
    return out


def _indices(order: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    return ready(order, torch.int64), ready(starts, torch.int64)


def _forward(qkv: Tensor, order: Tensor, starts: Tensor) -> Tensor:
    rows, _, heads, width = qkv.shape
    out = empty((rows, heads, width), qkv.dtype)
    call("attention_forward", ready(qkv, qkv.dtype), *_indices(order, starts), out)
    return out


def _backward(qkv: Tensor, order: Tensor, starts: Tensor, grad: Tensor) -> Tensor:
    on_qkv = empty_like(qkv)
    qkv, grad = ready(qkv, qkv.dtype), ready(grad, qkv.dtype)
    call("attention_backward", qkv, grad, *_indices(order, starts), on_qkv)
    return on_qkv


def _definition(qkv: Tensor, order: Tensor, starts: Tensor) -> Tensor:
    frames = qkv[order].split(starts.diff().tolist())
    mixed = [
        spike_attention(*frame.permute(1, 2, 0, 3)).transpose(0, 1).to(qkv.dtype)
        for frame in frames
    ]
    return torch.cat(mixed or [qkv[:, 0]])[order.argsort()]


def _gradients(inputs: Any, _: Any, grads: Any) -> Any:
    return _attention_backward(*inputs, grads[0]), None, None


_attention = Operator(
    "attention_by_frame(Tensor qkv, Tensor order, Tensor starts) -> Tensor",
    _forward,
    lambda qkv, order, starts: qkv.new_empty(len(qkv), *qkv.shape[2:]),
    backward=_gradients,
    definition=_definition,
)
_attention_backward = Operator(
    "attention_by_frame_backward(Tensor qkv, Tensor order, Tensor starts, Tensor grad) -> Tensor",
    _backward,
    lambda qkv, *rest: torch.empty_like(qkv),
)
