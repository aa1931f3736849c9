"""What the engine in whole numbers runs, as the same structures in Python: native/fixed/model.h."""

import ctypes
from collections.abc import Sequence

_Pointer = ctypes.c_void_p
_Number = ctypes.c_int32


def _numbers(names: str) -> list[tuple[str, type]]:
    return [(name, _Number) for name in names.split()]


def _pointers(names: str) -> list[tuple[str, type]]:
    return [(name, _Pointer) for name in names.split()]


class FixedProduct(ctypes.Structure):
    """A projection of spikes."""

    _fields_ = [*_numbers("inputs outputs shift"), *_pointers("weights scale")]


class FixedDense(ctypes.Structure):
    """A layer of the heads."""

    _fields_ = [*_numbers("inputs outputs shift"), *_pointers("weights scale bias")]


class FixedBlock(ctypes.Structure):
    """A layer of the transformer."""

    _fields_ = [
        *((name, FixedProduct) for name in ("qkv", "out", "expand", "contract")),
        ("mixed_shift", _Number),
        ("mixed_scale", _Pointer),
    ]


class FixedTracks(ctypes.Structure):
    """Lines that events vote for."""

    _fields_ = [
        *_numbers("count step"),
        ("vote", FixedProduct),
        *_pointers("bias scale forget ridge"),
    ]


class FixedMemory(ctypes.Structure):
    """What stands between the tokens and the heads."""

    _fields_ = [
        *_numbers("channels gates groups empties"),
        ("read", FixedProduct),
        *_numbers("stride looks"),
        *_pointers("leak leak_shift forget"),
        ("look", FixedDense),
        ("tracks", FixedTracks),
    ]


class FixedHeads(ctypes.Structure):
    """Class, position, presence."""

    _fields_ = [
        *_numbers(
            "channels tracks classes strengths by_group width choice kinds corrects layers widest"
        ),
        ("dense", _Pointer),
    ]


class FixedTables(ctypes.Structure):
    """Functions that are looked up."""

    _fields_ = _pointers("half log2 gelu sigmoid")


class FixedParts(ctypes.Structure):
    """Where the parts of a state begin, in bytes."""

    _fields_ = _numbers(
        "clock patch_touched token_touched membranes charge exponent written tracks track_written "
        "fired counts own active keep token x sums first firsts second seconds square "
        "values said charges wants act told votes bytes"
    )


class FixedModel(ctypes.Structure):
    """A NeuroSVT in whole numbers."""

    _fields_ = [
        *_numbers("side patch kernel across patches least company width wide hidden depth heads"),
        *_numbers("stride state_bits room"),
        ("embed", FixedProduct),
        ("positions", FixedProduct),
        *_pointers("blocks first last"),
        ("keeps", _Number),
        ("keep", _Pointer),
        ("memory", FixedMemory),
        ("head", FixedHeads),
        ("tables", FixedTables),
        ("at", FixedParts),
    ]


_WEIGHED: Sequence[tuple[type[ctypes.Structure], int]] = (
    (FixedProduct, 1), (FixedDense, 3), (FixedBlock, 5), (FixedTracks, 7), (FixedMemory, 11),
    (FixedHeads, 13), (FixedTables, 17), (FixedParts, 19), (FixedModel, 23),
)  # fmt: skip


def fixed_layout() -> int:
    """What `fixed_layout` of the library has to say too."""
    return sum(ctypes.sizeof(kind) * weight for kind, weight in _WEIGHED)
