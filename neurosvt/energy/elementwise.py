"""What PyTorch's own operators cost, beside products: so many of a kind for every number.

Each operator is named as the dispatcher knows it. What only moves, shapes or makes numbers is free;
what is in none of these tables is reported as not counted, never left out in silence.
"""

from collections.abc import Callable

from torch import Tensor

from neurosvt.energy.operations import Operations

ADDS = {
    "add", "sub", "rsub", "neg", "sum", "mean", "cumsum", "index_add", "scatter_add", "lerp",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d",
}  # fmt: skip
MULTIPLIES = {
    "mul", "square", "pow", "native_dropout",
}  # fmt: skip
COMPARISONS = {
    "gt", "ge", "lt", "le", "eq", "ne", "relu", "clamp", "clamp_min", "clamp_max", "max", "min",
    "amax", "amin", "argmax", "maximum", "minimum", "where", "heaviside", "sign", "abs",
    "leaky_relu", "max_pool2d_with_indices", "threshold", "hardtanh", "logical_and",
    "logical_or", "logical_not", "any", "all",
}  # fmt: skip
SPECIALS = {
    "div", "reciprocal", "sqrt", "rsqrt", "exp", "log", "log1p", "expm1", "tanh", "sigmoid",
    "gelu", "silu", "erf", "sin", "cos", "atan", "softplus", "elu",
}  # fmt: skip
VIEWS = {
    "view", "_unsafe_view", "_reshape_alias", "t", "transpose", "permute", "expand",
    "unsqueeze", "squeeze", "select", "slice", "split", "split_with_sizes", "unsafe_split",
    "unbind", "as_strided", "unfold", "alias", "detach", "diagonal",
}  # fmt: skip
"""The same numbers, seen otherwise."""
FREE = {
    "clone", "copy", "_to_copy", "cat", "stack", "repeat", "roll", "flip", "constant_pad_nd",
    "index", "index_select", "gather", "scatter", "index_put", "index_copy", "masked_fill",
    "embedding", "nonzero", "zeros", "ones", "full", "empty", "zeros_like", "ones_like",
    "full_like", "empty_like", "new_zeros", "new_ones", "new_empty", "new_full",
    "empty_strided", "arange", "linspace", "scalar_tensor", "fill", "zero", "lift_fresh",
    "rand", "randn", "rand_like", "randn_like", "bernoulli", "uniform", "normal", "tril",
    "triu", "sort", "argsort", "_unique2", "bincount", "promote_types", "result_type",
    "_local_scalar_dense", "window_pixels", "pack_rows",
}  # fmt: skip
"""Moving numbers has a cost too, which the products' reads and writes stand for."""


def elementwise(name: str, inputs: list[Tensor], outputs: list[Tensor]) -> Operations | None:
    """Operations of one call, None if the operator is not known.

    Args:
        name: of the operator, without namespace and overload; in place or not is one.
        inputs: tensors that went in.
        outputs: tensors that came out.
    """
    name = name.removesuffix("_") if name not in _WITHIN else name
    if name in FREE:
        return Operations()
    into, out = (max((x.numel() for x in side), default=0) for side in (inputs, outputs))
    size = max(into, out)
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


def _norm(size: int, rows: int) -> Operations:
    """Mean, variance, then scale and shift: of every number, and a root for every row."""
    return Operations(adds=3 * size, multiplies=2 * size, specials=rows)


def _folded(size: int, rows: int) -> Operations:
    """Batch norm in eval mode: a scale and a shift."""
    return Operations(adds=size, multiplies=size)


def softmax(size: int, rows: int = 0) -> Operations:
    """Largest, exponentials, their sum, a division each."""
    return Operations(adds=2 * size, comparisons=size, specials=2 * size)


_WITHIN: dict[str, Callable[[int, int], Operations]] = {
    "native_layer_norm": _norm,
    "native_group_norm": _norm,
    "native_batch_norm": _folded,
    "_native_batch_norm_legit_no_training": _folded,
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
