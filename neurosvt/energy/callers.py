"""Whose method is running, for what a model does outside of any call of a module."""

import sys
from functools import cache
from types import CodeType, FrameType
from typing import Any, NamedTuple

from torch import nn
from torch.optim import Optimizer

from neurosvt.ops import rows

_PYTORCH_OWN = nn.Module.__call__.__code__.co_filename
"""`nn.Module`'s own methods (`to`, `load_state_dict`, ...) are nobody's work."""


class Method(NamedTuple):
    """A method on its way."""

    owner: nn.Module | Optimizer
    frame: FrameType

    @property
    def arguments(self) -> list[Any]:
        """What it was given, as far as it has not bound the names anew."""
        code, local = self.frame.f_code, self.frame.f_locals
        count = code.co_argcount + code.co_kwonlyargcount
        return [local[name] for name in code.co_varnames[1:count] if name in local]


def running_methods(within: FrameType | None) -> list[Method]:
    """Methods of modules and optimizers that are running, the innermost first.

    Args:
        within: the frame in which to stop; None for all.
    """
    found, frame = [], sys._getframe(1)
    while frame is not None and frame is not within:
        owner = _owner(frame)
        if owner is not None:
            found.append(Method(owner, frame))
        frame = frame.f_back  # type: ignore[assignment]
    return found


def _owner(frame: FrameType) -> nn.Module | Optimizer | None:
    code = frame.f_code
    if not code.co_argcount or code.co_filename == _PYTORCH_OWN:
        return None
    first = frame.f_locals.get(code.co_varnames[0])
    if isinstance(first, nn.Module | Optimizer) and _is_method(code, type(first).__mro__):
        return first
    return None  # a function of a module is not its method


@cache
def _is_method(code: CodeType, kinds: tuple[type, ...]) -> bool:
    names = {f"{known.__qualname__}.{code.co_name}" for known in kinds}
    return code.co_qualname in names


def keeps_rows() -> bool:
    """Whether `ops.rows` is finding out which tokens are where.

    A machine driven by events has their addresses from the events themselves.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != _PYTORCH_OWN:
        if frame.f_code.co_filename == rows.__file__:
            return True
        frame = frame.f_back
    return False
