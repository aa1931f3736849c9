"""The parts of a model that a meter tells apart."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from neurosvt.energy.layers import Account, account_of
from neurosvt.energy.products import Frames
from neurosvt.nn.norm import FixedScale, ScaleNorm


class Part(NamedTuple):
    """A layer that counts for itself."""

    name: str
    account: Account | None
    """None for operator by operator."""


class Running(NamedTuple):
    """A layer on its way."""

    module: nn.Module
    part: Part
    of_rows: Frames | None
    """Of the rows that it, or one around it, is told about."""


def parts_of(module: nn.Module, name: str, path: str = "") -> Iterator[tuple[nn.Module, Part]]:
    """The layers to be heard: what lies within those that are counted as a whole is not."""
    account = account_of(module)
    yield module, Part(path or name, account)
    if account is None or account.within:
        for child, inner in module.named_children():
            if account is not None and isinstance(inner, ScaleNorm | FixedScale):
                continue  # counted by the neurons that it is handed to
            yield from parts_of(inner, name, f"{path}.{child}" if path else child)
