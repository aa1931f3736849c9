"""What stays precise whatever the matrix products are done in."""

from functools import reduce
from typing import Literal

import torch
from torch import Tensor

from neurosvt.native.processor import multiplies_bfloat16

Amp = bool | Literal["auto"]
"""Whether products are bfloat16; "auto" where the processor or GPU multiplies it."""


def uses_bfloat16(amp: Amp, device: torch.device | str) -> bool:
    """Whether `amp` means bfloat16 products there."""
    return multiplies_bfloat16(device) if amp == "auto" else amp


def products_in(amp: Amp, device: torch.device | str) -> torch.autocast:
    """A context in which products are taken as `amp` says."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=uses_bfloat16(amp, device))


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in float32, or as it is if that is more: half precision ends, double precision stays."""
    return x if x.dtype is torch.float32 else x.to(torch.promote_types(x.dtype, torch.float32))


def product_type(x: Tensor) -> torch.dtype:
    """What products of `x` are taken in: its own type, or what autocast takes in its place."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def check_floats(**tensors: Tensor | None) -> None:
    """Raise a ValueError for what is no real floating-point tensor; names it."""
    for name, x in tensors.items():
        if x is not None and not x.is_floating_point():
            raise ValueError(f"{name} must be floating-point, got {x.dtype}; .float() makes it so")


def at_one_precision(*tensors: Tensor) -> list[Tensor]:
    """All in the type of the most precise of them, at least float32."""
    dtype = reduce(torch.promote_types, (x.dtype for x in tensors), torch.float32)
    return [x.to(dtype) for x in tensors]
