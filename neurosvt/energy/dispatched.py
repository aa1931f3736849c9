"""Products as PyTorch dispatches them, of whatever library's layers and functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurosvt.energy.elementwise import softmax
from neurosvt.energy.layers import looks_around, neurons
from neurosvt.energy.operations import Operations
from neurosvt.energy.products import Axis, Frames, convolution, meeting, product


class Setting(NamedTuple):
    """What a call does not tell of itself."""

    frames: Frames
    is_weight: Callable[[Tensor], bool]


def _matrices(a: Tensor, b: Tensor, at: Setting) -> Operations:
    """(..., N, K) (..., K, M), either of which may be weights."""
    if at.is_weight(b):
        return product(a, b.shape[-1], at.frames)
    if at.is_weight(a):
        return product(b.transpose(-1, -2), a.shape[-2])
    return meeting(a, b)


def _mm(args: Any, output: Tensor, at: Setting) -> Operations:
    return _matrices(args[0], args[1], at)


def _mv(args: Any, output: Tensor, at: Setting) -> Operations:
    return _matrices(args[0], args[1][:, None], at)


def _dot(args: Any, output: Tensor, at: Setting) -> Operations:
    return _matrices(args[0][None], args[1][:, None], at)


def _addmm(args: Any, output: Tensor, at: Setting) -> Operations:
    done = _matrices(args[1], args[2], at)
    done.adds += output.numel()
    return done


def _addbmm(args: Any, output: Tensor, at: Setting) -> Operations:
    done = _matrices(args[1], args[2], at)
    done.adds += len(args[1]) * output.numel()  # the batch is summed
    return done


def _addmv(args: Any, output: Tensor, at: Setting) -> Operations:
    done = _mv(args[1:], output, at)
    done.adds += output.numel()
    return done


def _addr(args: Any, output: Tensor, at: Setting) -> Operations:
    done = _matrices(args[1][:, None], args[2][None], at)
    done.adds += output.numel()
    return done


def _convolution(args: Any, output: Tensor, at: Setting) -> Operations:
    x, weight, bias, stride, padding, dilation, transposed, _, groups = args
    along = zip(weight.shape[2:], stride, padding, dilation, strict=True)
    done = convolution(
        x, weight, output.shape, [Axis(*axis) for axis in along], groups=groups,
        transposed=transposed, frames=at.frames,
    )  # fmt: skip
    done.adds += output.numel() if bias is not None else 0
    return done


def _lstm(args: Any, output: Any, at: Setting) -> Operations:
    """PyTorch's fused layer on CPUs: four gates of what comes in and of what was said.

    Counted as the same layer is when PyTorch writes it in other operators.
    """
    x, into, back = args[:3]
    first, backwards = args[5], args[7]
    said = output[0].flip(0) if backwards else output[0]
    steps, units = said.shape[0] * said.shape[1], said.numel()
    gate = 4 * units
    done = product(x, into.shape[0], at.frames)
    before = torch.cat([first.reshape(1, *said.shape[1:]), said[:-1]])
    done += product(before, back.shape[0], Frames(steps))
    # The sum of both products, two biases, and the sum of the cell.
    done += Operations(
        adds=(3 if args[12] else 1) * gate + units, multiplies=3 * units, specials=5 * units
    )
    return done


def _attention(args: Any, output: Any, at: Setting) -> Operations:
    """Fused: queries meet keys, a softmax, and what comes of it meets the values."""
    q, k, v = args[:3]
    done = meeting(q, k.transpose(-1, -2))
    shares = q.new_full((*q.shape[:-1], k.shape[-2]), 0.5)  # real numbers, whatever they are
    done += softmax(shares.numel())
    done += meeting(shares, v)
    return done


def _neurons(args: Any, output: Any, at: Setting) -> Operations:
    return neurons(args[0], output[0])


def _neighbours(args: Any, output: Any, at: Setting) -> Operations:
    return looks_around(args[0])


PRODUCTS: dict[str, Callable[[Any, Any, Setting], Operations]] = {
    "mm": _mm,
    "bmm": _mm,
    "_int_mm": _mm,
    "mv": _mv,
    "dot": _dot,
    "vdot": _dot,
    "addmm": _addmm,
    "baddbmm": _addmm,
    "addbmm": _addbmm,
    "addmv": _addmv,
    "addr": _addr,
    "convolution": _convolution,
    "mkldnn_rnn_layer": _lstm,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
    "neurosvt::with_neighbours": _neighbours,
    "neurosvt::lif_rows": _neurons,
    "neurosvt::lif_rows_bytes": _neurons,
}
"""By the operator's name: from its arguments and what came out."""
