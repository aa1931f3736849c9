"""What PyTorch's own operators cost, beside products: so many of a kind for every number.

Each operator is named as the dispatcher knows it. What only moves, shapes or makes numbers is free;
what is in none of these tables is reported as not counted, never left out in silence.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from neurosvt.energy.arguments import BY_ARGUMENTS, folded_norm, norm
from neurosvt.energy.operations import Operations

ADDS = {
    "neg", "sum", "nansum", "mean", "cumsum", "bitwise_xor", "logical_xor", "col2im",
}  # fmt: skip
MULTIPLIES = {
    "mul", "square", "native_dropout",
}  # fmt: skip
COMPARISONS = {
    "gt", "ge", "lt", "le", "eq", "ne", "relu", "clamp", "clamp_min", "clamp_max", "max", "min",
    "amax", "amin", "argmax", "maximum", "minimum", "where", "heaviside", "sign", "abs",
    "leaky_relu", "threshold", "hardtanh", "logical_and",
    "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_not",
    "searchsorted", "bucketize", "isin", "_prelu_kernel", "cummax", "cummin", "floor", "ceil",
    "round", "trunc",
}  # fmt: skip
SPECIALS = {
    "div", "reciprocal", "sqrt", "rsqrt", "exp", "log", "log1p", "expm1", "tanh", "sigmoid",
    "gelu", "silu", "erf", "sin", "cos", "atan", "softplus", "elu",
    "exp2", "log2", "log10", "erfc", "tan", "hardsigmoid", "hardswish", "log_sigmoid_forward",
    "floor_divide", "remainder", "fmod",
}  # fmt: skip
VIEWS = {
    "view", "_unsafe_view", "_reshape_alias", "t", "transpose", "permute", "expand",
    "unsqueeze", "squeeze", "select", "slice", "split", "split_with_sizes", "unsafe_split",
    "unbind", "as_strided", "unfold", "alias", "detach", "diagonal", "unsafe_split_with_sizes",
}  # fmt: skip
"""The same numbers, seen otherwise."""
FREE = {
    "clone", "copy", "_to_copy", "cat", "stack", "repeat", "roll", "flip", "constant_pad_nd",
    "index", "index_select", "gather", "index_copy", "masked_fill", "masked_scatter", "im2col",
    "embedding", "nonzero", "zeros", "ones", "full", "empty", "zeros_like", "ones_like",
    "full_like", "empty_like", "new_zeros", "new_ones", "new_empty", "new_full",
    "empty_strided", "arange", "linspace", "scalar_tensor", "fill", "zero", "lift_fresh",
    "rand", "randn", "rand_like", "randn_like", "bernoulli", "uniform", "normal", "tril",
    "triu", "_unique2", "set", "resize", "eye", "randint", "randperm", "normal_functional", "lift",
    "_pack_padded_sequence", "repeat_interleave", "exponential", "new_empty_strided", "bincount",
    "promote_types", "result_type", "_local_scalar_dense", "any", "all", "_linalg_check_errors",
    "neurosvt::window_pixels", "neurosvt::pack_rows",
}  # fmt: skip
"""Moving numbers has a cost too, which the products' reads and writes stand for."""


def elementwise(
    name: str, args: Any, options: Any, inputs: list[Tensor], outputs: list[Tensor]
) -> Operations | None:
    """Operations of one call, None if the operator is not known.

    Args:
        name: of the operator, without namespace and overload; in place or not is one.
        args: of the call, in order.
        options: those by name.
        inputs: tensors that went in.
        outputs: tensors that came out.
    """
    if name in FREE:
        return Operations()
    into, out = (max((x.numel() for x in side), default=0) for side in (inputs, outputs))
    size = max(into, out)
    if name in BY_ARGUMENTS:
        return BY_ARGUMENTS[name](args, options, outputs, size)
    if name in _WITHIN:
        return _WITHIN[name](size, size // max(inputs[0].shape[-1], 1) if inputs else 0)
    if name in ADDS:
        return Operations(adds=size)
    if name in MULTIPLIES:
        return Operations(multiplies=size)
    if name in COMPARISONS:
        return Operations(comparisons=size)
    if name in SPECIALS:
        return Operations(specials=size)
    return None


def softmax(size: int, rows: int = 0) -> Operations:
    """Largest, exponentials, their sum, a division each."""
    return Operations(adds=2 * size, comparisons=size, specials=2 * size)


_WITHIN: dict[str, Callable[[int, int], Operations]] = {
    "native_layer_norm": norm,
    "native_group_norm": norm,
    "_native_batch_norm_legit_no_training": folded_norm,
    "_batch_norm_no_update": folded_norm,
    "_softmax": softmax,
    "_safe_softmax": softmax,
    "_log_softmax": softmax,
    "addcmul": lambda size, rows: Operations(adds=size, multiplies=size),
    "var_mean": lambda size, rows: Operations(adds=3 * size, multiplies=size, specials=rows),
    "var": lambda size, rows: Operations(adds=3 * size, multiplies=size, specials=rows),
    "std": lambda size, rows: Operations(adds=3 * size, multiplies=size, specials=2 * rows),
    "linalg_vector_norm": lambda size, rows: Operations(adds=size, multiplies=size, specials=rows),
}
"""Operators of several parts; of so many numbers in so many rows."""
