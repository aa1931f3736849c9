"""Operators whose cost depends on more than how many numbers there are."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from neurosvt.energy.operations import Operations


def _scaled_add(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """An addition; a multiplication where what is added is scaled."""
    alpha = options.get("alpha", args[2] if len(args) > 2 else 1)
    return Operations(adds=size, multiplies=0 if alpha == 1 else size)


def _power(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """Multiplications for a small whole exponent, else a logarithm's and an exponential's kind."""
    exponent = args[1]
    if isinstance(exponent, int | float) and exponent in (2, 3, 4):
        return Operations(multiplies=size * (int(exponent) - 1))
    return Operations(specials=size)


def _windows(args: Any, outputs: list[Tensor]) -> int:
    """Numbers that pooling looks at: those of every window, overlaps included."""
    kernel = args[1] if len(args[1]) > 1 else list(args[1]) * (args[0].ndim - 2)
    return outputs[0].numel() * int(math.prod(kernel))


def _average(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    return Operations(adds=_windows(args, outputs))


def _maximum(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    return Operations(comparisons=_windows(args, outputs))


def _adaptive_average(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """Windows from the floor of where each begins to the ceiling of where it ends."""
    x, sides = args[0], outputs[0].shape[-len(args[1]) :]
    seen = outputs[0].numel() // max(math.prod(sides), 1)
    for long, short in zip(x.shape[-len(sides) :], sides, strict=True):
        seen *= sum(-(-(i + 1) * long // short) - i * long // short for i in range(short))
    return Operations(adds=seen)


def _added_at(position: int) -> Callable[..., Operations]:
    """What is added is this argument, number by number, to wherever it belongs."""

    def count(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
        source = args[position] if len(args) > position else options.get("source")
        return Operations(adds=source.numel() if isinstance(source, Tensor) else size)

    return count


def _put(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """Free where numbers are put, an addition each where they are added to what is there."""
    gathers = options.get("accumulate", args[3] if len(args) > 3 else False)
    return Operations(adds=args[2].numel() if gathers else 0)


def _scatter(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    reduce = options.get("reduce", args[4] if len(args) > 4 else None)
    placed = args[2].numel()
    return Operations(
        adds=placed if reduce == "add" else 0, multiplies=placed if reduce == "multiply" else 0
    )


def _batch_norm(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """By what it saw before in eval mode, by what it sees in training."""
    return norm(size, args[0].shape[1]) if args[5] else folded_norm(size)


def _sorted(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """Comparisons of merging: as often as the longest axis can be halved."""
    longest = max(args[0].shape, default=1)
    return Operations(comparisons=size * max(1, math.ceil(math.log2(max(longest, 1)))))


def _bags(args: Any, options: Any, outputs: list[Tensor], size: int) -> Operations:
    """Every index is a spike that reaches one sum in each column, or scales what it reads."""
    table, indices = args[:2]
    mode = args[4] if len(args) > 4 else 0
    weights = args[6] if len(args) > 6 else options.get("per_sample_weights")
    reached, said = indices.numel() * table.shape[1], outputs[0].numel()
    if mode == 2:
        return Operations(comparisons=reached)
    done = Operations(acs=reached, rows=1, weights_once=reached, weights_each=reached, values=said)
    if weights is not None:
        done.acs, done.macs, done.macs_nonzero = 0, reached, reached
    done.specials = said if mode == 1 else 0
    return done


def norm(size: int, rows: int) -> Operations:
    """Mean, variance, then scale and shift: of every number, and a root for every row."""
    return Operations(adds=3 * size, multiplies=2 * size, specials=rows)


def folded_norm(size: int, rows: int = 0) -> Operations:
    """Batch norm in eval mode: a scale and a shift."""
    return Operations(adds=size, multiplies=size)


BY_ARGUMENTS: dict[str, Callable[[Any, Any, list[Tensor], int], Operations]] = {
    "add": _scaled_add,
    "sub": _scaled_add,
    "rsub": _scaled_add,
    "pow": _power,
    "lerp": lambda args, options, outputs, size: Operations(adds=2 * size, multiplies=size),
    "avg_pool2d": _average,
    "avg_pool3d": _average,
    "max_pool2d_with_indices": _maximum,
    "max_pool3d_with_indices": _maximum,
    "_adaptive_avg_pool2d": _adaptive_average,
    "_adaptive_avg_pool3d": _adaptive_average,
    "index_add": _added_at(3),
    "scatter_add": _added_at(3),
    "index_put": _put,
    "_index_put_impl": _put,
    "_unsafe_index_put": _put,
    "scatter": _scatter,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "cudnn_batch_norm": _batch_norm,
    "sort": _sorted,
    "argsort": _sorted,
    "topk": _sorted,
    "_embedding_bag": _bags,
    "_embedding_bag_forward_only": _bags,
}
"""By the operator's name: from its arguments, those by name, what came out, and the most numbers
of any tensor."""
