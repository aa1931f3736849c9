"""The C++ kernels behind a plain C ABI, and the ctypes door to them.

Built at install where there is a compiler. Where there is none, `library()` is None and everything
runs on PyTorch alone.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

POINTER, COUNT, NUMBER, CHOICE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int
SIGNATURES: dict[str, tuple[list[Any], type | None]] = {
    "lif_forward": (
        [POINTER] * 3 + [COUNT, POINTER, NUMBER, COUNT, NUMBER, CHOICE] + [POINTER] * 2,
        None,
    ),
    "lif_backward": (
        [POINTER] * 4
        + [COUNT, COUNT, POINTER, NUMBER, COUNT, NUMBER, CHOICE, CHOICE, NUMBER, POINTER],
        None,
    ),
    "column_sums": ([POINTER, POINTER, COUNT, COUNT, POINTER], COUNT),
    "scale_rows": ([POINTER, POINTER, COUNT, COUNT, POINTER], None),
    "scale_backward": ([POINTER] * 4 + [COUNT, COUNT, POINTER], None),
}
"""Arguments and result of every kernel in kernels.cpp; each exists for f32 and for bf16."""


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or None where they were not built for this Python or this machine."""
    for path in sorted(Path(__file__).parent.glob("_kernels*.so")):
        try:
            loaded = ctypes.CDLL(str(path))
            for name, (arguments, result) in SIGNATURES.items():
                for kind in ("f32", "bf16"):
                    function = getattr(loaded, f"{name}_{kind}")
                    function.argtypes, function.restype = arguments, result
        except (OSError, AttributeError):
            continue  # built for another machine, or from another version of kernels.cpp
        return loaded
    return None
