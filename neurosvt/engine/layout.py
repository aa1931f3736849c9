"""What the engine's C++ runs, as the same structures in Python: native/engine/model.hpp and
image_model.hpp."""

import ctypes
from collections.abc import Sequence

Pointer = ctypes.c_void_p
Number = ctypes.c_int64


def _numbers(names: str) -> list[tuple[str, type]]:
    return [(name, Number) for name in names.split()]


def _pointers(names: str) -> list[tuple[str, type]]:
    return [(name, Pointer) for name in names.split()]


class CProduct(ctypes.Structure):
    """A projection of spikes."""

    _fields_ = _numbers("kind inputs outputs") + _pointers("weights scale run")


class CBlock(ctypes.Structure):
    """A layer of the transformer."""

    _fields_ = [
        *((name, CProduct) for name in ("qkv", "out", "expand", "contract")),
        ("mixed_scale", Pointer),
    ]


class CTracks(ctypes.Structure):
    """Lines that events vote for."""

    _fields_ = [
        ("count", Number),
        ("vote", CProduct),
        *_pointers("bias scale forget ridge thresholds"),
        ("step", ctypes.c_float),
        ("begins_at", ctypes.c_float),
    ]


class CMemory(ctypes.Structure):
    """What stands between the tokens and the heads."""

    _fields_ = [
        *_numbers("kind channels gates empties"),
        ("read", CProduct),
        ("stride", Number),
        *_pointers("runs decay look forget token_current"),
        ("tracks", CTracks),
    ]


class CDense(ctypes.Structure):
    """A layer of the heads."""

    _fields_ = _numbers("kind inputs outputs") + _pointers("weights scale bias")


class CHeads(ctypes.Structure):
    """Class, position, presence."""

    _fields_ = [
        *_numbers("channels tracks classes strengths by_group width choice kinds corrects layers"),
        ("dense", Pointer),
    ]


class CModel(ctypes.Structure):
    """A NeuroSVT."""

    _fields_ = [
        *_numbers("across down patch kernel least company"),
        *_numbers("width hidden depth heads tokens patches stride"),
        ("embed", CProduct),
        *_pointers("positions blocks head_masks keep keep_token"),
        ("keeps", Number),
        *_pointers("spread spread_token"),
        ("memory", CMemory),
        ("head", CHeads),
        ("layers", Number),
    ]


class CSession(ctypes.Structure):
    """What one camera has left behind."""

    _fields_ = [
        *_pointers("model membranes patch_touched token_touched charge"),
        ("clock", Number),
        *_pointers("answer counts spikes"),
        ("noise", ctypes.c_float),
        ("seed", ctypes.c_uint32),
        ("drawn", ctypes.c_uint64),
    ]


class CImageBlock(ctypes.Structure):
    """A layer of a DySViT."""

    _fields_ = [
        *((name, CProduct) for name in ("qkv", "out", "expand", "contract")),
        *_pointers("fire_attention fire_qkv fire_mixed fire_in fire_hidden"),
    ]


class CImageModel(ctypes.Structure):
    """A DySViT."""

    _fields_ = [
        *_numbers("side patch width hidden depth heads"),
        *_pointers("embed positions blocks last head_masks"),
        ("residual", ctypes.c_float),
        ("layers", Number),
    ]


COLUMNS = 5
"""Numbers that are counted of a layer."""

_WEIGHED: Sequence[tuple[type[ctypes.Structure], int]] = (
    (CProduct, 1), (CBlock, 3), (CMemory, 5), (CDense, 7), (CHeads, 11), (CModel, 13),
    (CSession, 17), (CImageBlock, 19), (CImageModel, 23),
    (CTracks, 29),
)  # fmt: skip


def layout() -> int:
    """What `engine_layout` of the library has to say too."""
    return sum(ctypes.sizeof(kind) * weight for kind, weight in _WEIGHED)
