"""A copy of a model in which every weight is a plain parameter, whatever computes it in the model.

A weight may be computed from others whenever it is read (`torch.nn.utils.parametrize`, on which
weight and spectral norm stand), or before every forward pass (`torch.nn.utils.prune`, the older
norms). Whoever writes to such a weight writes to a value that the next read throws away.
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from neurosvt.config import UserError, first_line

M = TypeVar("M", bound=nn.Module)


def plain_copy(model: M) -> M:
    """A deep copy in eval mode with each weight as it stands; on its device and in its type.

    Raises:
        UserError: a weight is computed in a way that is unknown here, or a part has no copy.
    """
    # What is computed with a gradient has no copy of its own: it is handed over as done already.
    computed = [t for _, _, t in _loose(model) if not t.is_leaf]
    memo = {id(t): t.detach().clone() for t in computed}
    with torch.inference_mode(False):  # or its weights could never be trained
        try:
            twin: M = copy.deepcopy(model, memo).eval()
        except (RuntimeError, TypeError, AttributeError) as error:
            raise UserError(
                f"this {type(model).__name__} cannot be copied: {first_line(error)}"
            ) from error
        _make_plain(twin)
    for name, key, _ in _loose(twin):
        if key in ("weight", "own", "shared", "table", "gain"):
            raise UserError(
                f"{name}.{key} is computed before it is used, not stored; make it a parameter"
            )
    return twin


def _loose(model: nn.Module) -> list[tuple[str, str, Tensor]]:
    """Tensors that are neither parameters nor buffers: of which module, by what name."""
    return [
        (name, key, value)
        for name, part in model.named_modules()
        for key, value in vars(part).items()
        if isinstance(value, Tensor)
    ]


@torch.enable_grad()
def _make_plain(model: nn.Module) -> None:
    """Put every computed weight in the place of what it is computed from."""
    for part in model.modules():
        computed = list(getattr(part, "parametrizations", ()))
        if computed:
            # A copy shares the class that reads its weights, from which these are now taken.
            kind = type(part)
            own = {n: v for n, v in vars(kind).items() if n not in ("__dict__", "__weakref__")}
            part.__class__ = type(kind.__name__, kind.__bases__, own)
        for name in computed:
            parametrize.remove_parametrizations(part, name, leave_parametrized=True)
        for hook in list(part._forward_pre_hooks.values()):
            if isinstance(hook, prune.BasePruningMethod):
                prune.remove(part, hook._tensor_name)
            elif isinstance(hook, WeightNorm):
                remove_weight_norm(part, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(part, hook.name)
