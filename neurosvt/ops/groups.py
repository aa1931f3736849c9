"""Rows times the matrix of their own group, added up where they belong.

Axes: R rows, G groups, D inputs, E outputs, F sums.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from neurosvt.ops.buffers import empty
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, WrittenOut, ready
from neurosvt.ops.precision import at_least_float32

ROWS = 16
"""Of which a product of half precision takes a multiple. oneDNN compiles one for every number of
rows, which takes longer than to compute it, and keeps no more than 1,024."""


def sum_of_products(
    x: Float[Tensor, "R D"],
    weight: Float[Tensor, "G D E"],
    group: Int[Tensor, " R"],
    home: Int[Tensor, " R"],
    sums: int,
) -> Float[Tensor, "F E"]:
    """`out[home[r]] += x[r] @ weight[group[r]]` over all rows; at least float32.

    A row of zeros for every group that a sum has no row of would make one product of all of this;
    where a fifth of them are there, that costs four times as much.

    Args:
        x: rows.
        weight: a matrix for every group, of the type of `x`.
        group: of each row, in [0, G).
        home: sum that each row is part of, in [0, F); no two rows of a group have the same.
        sums: F.
    """
    kinds = x.dtype == weight.dtype == torch.float32 and group.device == home.device == x.device
    way = _native if kinds and suits(x) else _manual
    out: Tensor = way(x, weight, group, home, sums)
    return out


def _by_group(group: Tensor, groups: int) -> tuple[Tensor, list[int]]:
    """Rows in the order of their groups, and how many each has."""
    return group.argsort(stable=True), torch.bincount(group, minlength=groups).tolist()


def _filled(rows: Tensor) -> Tensor:
    """Rows of a group, and the first of all until there are a multiple of `ROWS`."""
    return F.pad(rows, (0, -len(rows) % ROWS))


def _forward(x: Tensor, weight: Tensor, group: Tensor, home: Tensor, sums: int) -> Tensor:
    order, sizes = _by_group(group, len(weight))
    out = at_least_float32(x.new_zeros(sums, weight.shape[-1]))
    for rows, matrix in zip(order.split(sizes), weight, strict=True):
        if len(rows):  # of one frame alone, most groups are empty
            products = (x[_filled(rows)] @ matrix)[: len(rows)]
            out.index_add_(0, home[rows], products.to(out.dtype))
    return out


def _backward(inputs: Any, _: Any, grads: Any) -> tuple[Any, ...]:
    x, weight, group, home, _ = inputs
    order, sizes = _by_group(group, len(weight))
    grad = grads[0].to(x.dtype)
    on_x, on_weight = torch.empty_like(x), torch.empty_like(weight)
    for rows, matrix, on_matrix in zip(order.split(sizes), weight, on_weight, strict=True):
        filled = _filled(rows)
        part = grad[home[filled]]
        part[len(rows) :] = 0
        on_x[rows] = (part @ matrix.T)[: len(rows)]
        torch.mm(x[filled].T, part, out=on_matrix)
    return on_x, on_weight, None, None, None


def _definition(x: Tensor, weight: Tensor, group: Tensor, home: Tensor, sums: int) -> Tensor:
    out = at_least_float32(x.new_zeros(sums, weight.shape[-1]))
    products = torch.einsum("rd,rde->re", x, weight[group]).to(out.dtype)
    return out.index_add(0, home, products)


def _native_forward(x: Tensor, weight: Tensor, group: Tensor, home: Tensor, sums: int) -> Tensor:
    out = x.new_zeros(sums, weight.shape[-1])
    call("group_sums", ready(x), ready(weight), *_indices(group, home), out)
    return out


def _native_backward(
    x: Tensor, weight: Tensor, group: Tensor, home: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    x, weight, grad = map(ready, (x, weight, grad))
    group, home = _indices(group, home)
    on_weight = torch.zeros_like(weight)
    call("group_gradient", x, grad, group, home, on_weight)
    # Dense: a product for every group, of sums that are put beside each other.
    order, sizes = _by_group(group, len(weight))
    on_x, together = empty(x.shape), empty((max(sizes, default=0), grad.shape[1]))
    homes = home[order].split(sizes)
    for rows, homes_of_group, matrix in zip(order.split(sizes), homes, weight, strict=True):
        part = torch.index_select(grad, 0, homes_of_group, out=together[: len(rows)])
        on_x.index_copy_(0, rows, part @ matrix.T)
    return on_x, on_weight


def _indices(group: Tensor, home: Tensor) -> tuple[Tensor, Tensor]:
    return ready(group, torch.int64), ready(home, torch.int64)


def _native_gradients(inputs: Any, _: Any, grads: Any) -> tuple[Any, ...]:
    return *_native_both(*inputs[:4], grads[0]), None, None, None


_manual = WrittenOut("sum_of_products", _forward, backward=_backward, definition=_definition)
_native = Operator(
    "sum_of_products(Tensor x, Tensor weight, Tensor group, Tensor home, int sums) -> Tensor",
    _native_forward,
    lambda x, weight, group, home, sums: x.new_empty(sums, weight.shape[-1]),
    backward=_native_gradients,
    definition=_definition,
)
_native_both = Operator(
    "sum_of_products_backward(Tensor x, Tensor weight, Tensor group, Tensor home, Tensor grad) -> "
    "(Tensor, Tensor)",
    _native_backward,
    lambda x, weight, *rest: (torch.empty_like(x), torch.empty_like(weight)),
)
