"""What a processor or GPU computes in: bfloat16 products, and dot products of bytes.

What PyTorch can emulate it also says it supports, at several times the cost of float32; here only
what there are instructions for counts.
"""

from functools import cache
from types import MappingProxyType
from typing import Any

import torch

BFLOAT16_PRODUCTS = ("avx512_bf16", "amx_bf16", "bf16")
"""Instructions that multiply bfloat16, of x86 and of ARM."""
BYTE_PRODUCTS = ("avx_vnni", "avx512_vnni", "amx_int8", "dot")
"""Instructions that add up products of bytes, of x86 and of ARM."""
NAMED = ("avx2", "avx512_f", "neon", "sve", *BFLOAT16_PRODUCTS, *BYTE_PRODUCTS)
"""Those that products depend on."""


def instruction_sets() -> tuple[str, ...]:
    """Those of `NAMED` that the processor has."""
    has = capabilities()
    return tuple(name for name in NAMED if has.get(name))


def multiplies_bfloat16(device: torch.device | str = "cpu") -> bool:
    """Whether bfloat16 products are computed there, rather than emulated."""
    device = torch.device(device)
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has_any = any(capabilities().get(name) for name in BFLOAT16_PRODUCTS)
    return device.type == "cpu" and has_any and _onednn_takes_bfloat16()


def multiplies_bytes() -> bool:
    """Whether the processor adds up products of bytes in one instruction (VNNI, or like it)."""
    return any(capabilities().get(name) for name in BYTE_PRODUCTS)


@cache
def capabilities() -> MappingProxyType[str, Any]:
    """What the processor has, by the names of `torch.cpu.get_capabilities`, which is newer than
    the oldest PyTorch that serves."""
    if hasattr(torch.cpu, "get_capabilities"):
        return MappingProxyType(dict(torch.cpu.get_capabilities()))
    asked = {
        "avx2": "_is_avx2_supported",
        "avx512_f": "_is_avx512_supported",
        "avx512_bf16": "_is_avx512_bf16_supported",
        "avx512_vnni": "_is_vnni_supported",
        # All processors with tiles multiply bfloat16 and bytes in them.
        "amx_bf16": "_is_amx_tile_supported",
        "amx_int8": "_is_amx_tile_supported",
    }
    return MappingProxyType({name: getattr(torch.cpu, ask)() for name, ask in asked.items()})


def _onednn_takes_bfloat16() -> bool:
    """Whether PyTorch's own library of products uses them, where it was built with one."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):
        return False
