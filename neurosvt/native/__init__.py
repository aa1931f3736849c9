"""The C++ kernels behind a plain C ABI, and the ctypes door to them.

Built at install where there is a compiler. Where there is none, `library()` is None and everything
runs on PyTorch alone.
"""

import ctypes
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from neurosvt.native.signatures import SIGNATURES

DECODERS = ("evt2", "evt21", "evt3", "dat", "aedat3", "aedat4")
"""Formats of event files that have a decoder: words, how many, state, room for events."""


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or None where they were not built for this machine."""
    for path in (found for folder in _folders() for found in folder.glob("*neurosvt_kernels.*")):
        try:
            loaded = ctypes.CDLL(str(path))
            for signature in SIGNATURES.values():
                for kind in signature.kinds:
                    function = getattr(loaded, f"{signature.name}_{kind}")
                    function.argtypes = signature.c_types
                    function.restype = ctypes.c_int64 if signature.answers else None
            for name in DECODERS:
                function = getattr(loaded, f"decode_{name}")
                function.argtypes = [ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * 2]
                function.restype = ctypes.c_int64
        except (OSError, AttributeError):
            continue  # built for another machine, or from another version of the sources
        return loaded
    return None


def _folders() -> Iterator[Path]:
    """Where the library may be: an editable install keeps it apart from the sources."""
    yield Path(__file__).parent
    for installed in distributions(name="neurosvt"):
        yield Path(str(installed.locate_file("neurosvt/native")))
