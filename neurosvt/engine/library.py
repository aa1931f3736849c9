"""The doors of the engine's C++ (native/engine/doors.cpp)."""

import ctypes
from collections.abc import Mapping
from functools import cache
from typing import Any

from neurosvt.engine.layout import layout
from neurosvt.native import library

LEVELS = ("plain", "avx2", "avx512")
"""Instruction sets that it is compiled for."""

_P, _N, _I = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
_DOORS = {
    "engine_layout": ([], _N),
    "engine_use": ([_I], _N),
    "engine_push": ([_P, _P, _N, _I, _I], _N),
    "engine_push_all": ([_P, _N, _P, _P, _I, _P, _I], None),
    "engine_play": ([_P, _N, _P, _N, _N, _P, _N, _P, _I], None),
    "engine_look": ([_P, _P, _N, _P, _P, _I], None),
}


def with_doors(
    doors: Mapping[str, tuple[Any, Any]], layout_door: str, expected: int
) -> ctypes.CDLL | None:
    """The library, told what these doors take and answer; None where they were not built for this
    machine, or for another layout than Python has.

    Args:
        doors: types of arguments and of the answer, by name.
        layout_door: the one that says the layout.
        expected: that of Python.
    """
    loaded = library()
    if loaded is None:
        return None
    try:
        for name, (takes, answers) in doors.items():
            door = getattr(loaded, name)
            door.argtypes, door.restype = takes, answers
    except AttributeError:
        return None
    return loaded if getattr(loaded, layout_door)() == expected else None


@cache
def engine_library() -> ctypes.CDLL | None:
    """The engine, or None where it was not built for this machine."""
    return with_doors(_DOORS, "engine_layout", layout())


def compute_in(level: str | None) -> str:
    """Choose the instruction set from now on, None for the best; what is computed in then.

    Raises:
        ValueError: this processor or build has no such.
    """
    loaded = engine_library()
    asked = -1 if level is None else LEVELS.index(level) if level in LEVELS else len(LEVELS)
    found = -1 if loaded is None else loaded.engine_use(asked)
    if found < 0:
        raise ValueError(f"the engine cannot compute in {level or 'anything'} on this machine")
    return LEVELS[found]
