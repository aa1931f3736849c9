"""What an op gives a kernel, held against what the kernel declares, and called by its names."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from neurosvt.native.signatures import GIVEN, SIGNATURES, Argument

KINDS = {
    torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16", torch.float64: "f64",
    torch.int64: "i64", torch.uint8: "u8", torch.bool: "u8",
}  # fmt: skip
"""What the kernels call each type."""


class Given(SimpleNamespace):
    """Arguments of a kernel by their names, and sizes by their letters."""

    kind: str
    """The call's own type of numbers, f32 where the kernel has none of its own."""
    device: torch.device


def bind_arguments(name: str, arguments: Sequence[Any]) -> Given:
    """The arguments of a call, in the order of its signature with sizes left out.

    Tensors must be contiguous, on one device, and of the declared types and shapes.

    Raises:
        ValueError: one is not.
    """
    declared = [a for a in SIGNATURES[name].arguments if a.kind != "size"]
    device = next(x.device for x in arguments if isinstance(x, Tensor))
    given, sizes = Given(kind="", device=device), GIVEN.copy()
    for argument, x in zip(declared, arguments, strict=True):
        setattr(given, argument.name, _NUMBERS[argument.kind](x) if not argument.axes else x)
        if not argument.axes or (x is None and argument.optional):
            continue
        whole_numbers = argument.kind == "i64" and isinstance(x, list | tuple)
        if not whole_numbers and not _fits(x, argument, given):
            raise misfit(name, argument, x, sizes, str(device))
        shape = (len(x),) if whole_numbers else x.shape
        if len(shape) != len(argument.axes):
            raise misfit(name, argument, x, sizes, str(device))
        for axis, size in zip(argument.axes, shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise misfit(name, argument, x, sizes, str(device))
    vars(given).update(sizes)
    given.kind = given.kind or "f32"
    return given


_NUMBERS: dict[str, type] = {"float": float, "int": int}


def _fits(x: Any, argument: Argument, given: Given) -> bool:
    if not isinstance(x, Tensor) or x.device != given.device or not x.is_contiguous():
        return False
    kind = KINDS.get(x.dtype)
    if argument.kind != "T":
        return kind == argument.kind
    given.kind = given.kind or str(kind)
    return kind == given.kind


def misfit(name: str, argument: Argument, x: Any, sizes: dict[str, int], place: str) -> ValueError:
    """What to raise for an argument that is not as declared."""
    wanted = ", ".join(str(sizes.get(axis, axis)) for axis in argument.axes)
    got = repr(x)
    if isinstance(x, Tensor):
        gaps = "" if x.is_contiguous() else ", with gaps"
        got = f"{x.dtype} {tuple(x.shape)} on {x.device}{gaps}"
    return ValueError(
        f"{name}: {argument.name} must be {argument.kind} ({wanted}) on {place} without gaps; "
        f"got {got}"
    )
