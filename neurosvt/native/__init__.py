"""The C++ kernels behind a plain C ABI, and the ctypes door to them.

Built at install where there is a compiler. Where there is none, `library()` is None and everything
runs on PyTorch alone.
"""

import ctypes
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

POINTER, COUNT, NUMBER, CHOICE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int
BOTH = ("f32", "bf16")

SIGNATURES: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "lif_forward": (
        [POINTER] * 4 + [COUNT] * 4 + [POINTER, CHOICE, NUMBER, NUMBER, CHOICE, POINTER, CHOICE],
        BOTH,
    ),
    "lif_backward": (
        [POINTER] * 6 + [COUNT] * 4 + [POINTER, CHOICE, NUMBER, NUMBER, CHOICE, CHOICE, NUMBER]
        + [POINTER] * 2,
        BOTH,
    ),
    "column_sums": ([POINTER] * 2 + [COUNT] * 2 + [POINTER], BOTH),
    "scale_rows": ([POINTER] * 2 + [COUNT] * 2 + [POINTER], BOTH),
    "scale_backward": ([POINTER] * 4 + [COUNT] * 2 + [POINTER], BOTH),
    "moments": ([POINTER] + [COUNT] * 2 + [POINTER] * 2, BOTH),
    "batch_fire": ([POINTER] * 3 + [COUNT] * 2 + [NUMBER, POINTER], BOTH),
    "through_spike": ([POINTER] * 6 + [COUNT] * 2 + [NUMBER] + [POINTER] * 3, BOTH),
    "through_norm": ([POINTER] * 5 + [COUNT] * 2, BOTH),
    "gather_rows": ([POINTER] * 2 + [COUNT] * 3 + [POINTER], BOTH),
    "neighbours": ([POINTER] + [COUNT] * 4 + [POINTER], ("f32",)),
    "simulate": ([POINTER] + [COUNT] * 8 + [POINTER] * 11, ("f32",)),
    "tally": ([POINTER] + [COUNT] * 2 + [POINTER, COUNT, POINTER], BOTH),
    "windows": ([POINTER] * 3 + [COUNT] * 7 + [POINTER], BOTH),
    "gated_forward": ([POINTER] * 7 + [COUNT] * 4 + [POINTER] * 2, ("f32",)),
    "gated_backward": ([POINTER] * 8 + [COUNT] * 4 + [POINTER] * 6, ("f32",)),
    "memory_forward": ([POINTER] * 4 + [COUNT] * 3 + [POINTER], ("f32",)),
    "memory_backward": ([POINTER] * 5 + [COUNT] * 3 + [POINTER] * 4, ("f32",)),
}  # fmt: skip
"""Arguments of every kernel, threads left out, which all take last; and the types it exists for."""

DECODERS = ("evt2", "evt21", "evt3", "dat", "aedat3")
"""Formats of event files that have a decoder: words, how many, state, room for events."""


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or None where they were not built for this machine."""
    for path in (found for folder in _folders() for found in folder.glob("*neurosvt_kernels.*")):
        try:
            loaded = ctypes.CDLL(str(path))
            for name, (arguments, kinds) in SIGNATURES.items():
                for kind in kinds:
                    function = getattr(loaded, f"{name}_{kind}")
                    function.argtypes, function.restype = [*arguments, CHOICE], COUNT
            for name in DECODERS:
                function = getattr(loaded, f"decode_{name}")
                function.argtypes, function.restype = [POINTER, COUNT, POINTER, POINTER], COUNT
        except (OSError, AttributeError):
            continue  # built for another machine, or from another version of the sources
        return loaded
    return None


def _folders() -> Iterator[Path]:
    """Where the library may be: an editable install keeps it apart from the sources."""
    yield Path(__file__).parent
    for installed in distributions(name="neurosvt"):
        yield Path(str(installed.locate_file("neurosvt/native")))
