"""Norms put into weights, and weights on the grid (`ops.products.UNIT`).

Axes: E channels, behind any others.
"""

from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.nn.norm import ScaleNorm, to_grid
from neurosvt.nn.plain_copy import plain_copy

M = TypeVar("M", bound=nn.Module)


@runtime_checkable
class Foldable(Protocol):
    """A module that can put its norm into its weights and these on the grid."""

    def fold(self) -> None: ...


def folded_copy(model: M) -> M:
    """A copy in eval mode whose `Foldable` parts are folded.

    Raises:
        UserError: as `plain_copy`, or a norm is of a kind that does not fold.
    """
    twin = plain_copy(model)
    with torch.inference_mode(False):  # or it could never be trained
        for module in list(twin.modules()):
            if isinstance(module, Foldable):
                module.fold()
    return twin


def folded(weight: Float[Tensor, "*n E"], norm: nn.Module) -> Float[Tensor, "*n E"]:
    """A weight with the norm behind it put in, on the grid.

    Raises:
        UserError: a norm that does more than scale each channel.
    """
    if isinstance(norm, ScaleNorm):
        return to_grid(weight * norm.scale())
    if isinstance(norm, nn.Identity):  # it was folded before, and may have been trained since
        return to_grid(weight)
    raise UserError(f"a {type(norm).__name__} cannot be put into the weights before it")
