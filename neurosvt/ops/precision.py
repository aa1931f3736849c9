"""What stays precise whatever the matrix products are done in."""

from functools import reduce
from typing import Literal

import torch
from torch import Tensor

from neurosvt.native.processor import multiplies_bfloat16

Amp = bool | Literal["auto", "bfloat16", "float16"]
"""Whether products are in half precision, and in which; "auto" where the processor or GPU computes
in one."""


def half_type(amp: Amp, device: torch.device | str) -> torch.dtype | None:
    """The half precision that `amp` means there; None for products in float32.

    Where nobody names one it is bfloat16, which needs no scaled gradients; and float16 on GPUs from
    before it, which are several times as fast in that.
    """
    if isinstance(amp, str) and amp != "auto":
        return {"bfloat16": torch.bfloat16, "float16": torch.float16}[amp]
    if not amp:
        return None
    if multiplies_bfloat16(device):
        return torch.bfloat16
    if torch.device(device).type == "cuda":
        return torch.float16
    return None if amp == "auto" else torch.bfloat16


def products_in(amp: Amp, device: torch.device | str) -> torch.autocast:
    """A context in which products are taken as `amp` says."""
    half = half_type(amp, device)
    return torch.autocast(torch.device(device).type, half, enabled=half is not None)


def products_name(amp: Amp, device: torch.device | str) -> str:
    """What products are taken in, by name."""
    return str(half_type(amp, device) or torch.float32).removeprefix("torch.")


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
