"""NVIDIA's compiler for text, which needs no GPU: pip's nvidia.cuda_nvrtc, opened by ctypes."""

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from neurosvt.native.cuda import sources


@cache
def library() -> ctypes.CDLL | None:
    """None where it is not installed."""
    try:
        found = find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    places = [] if found is None else list(found.submodule_search_locations or ())
    paths = [path for place in places for path in Path(place).glob("lib/libnvrtc.so.*")]
    return ctypes.CDLL(str(paths[0])) if paths else None


def compiled(file: str, architecture: int) -> tuple[bytes, list[str], str]:
    """A file of kernels for GPUs of one compute capability, as CuPy has it compiled.

    Returns:
        What a GPU would be given, the names that its kernels have there, and what the compiler
        remarked.

    Raises:
        AssertionError: it does not compile.
    """
    nvrtc = library()
    assert nvrtc is not None
    program, names = ctypes.c_void_p(), [n.encode() for n in sources.instances(file).values()]
    options = [o.encode() for o in (*sources.OPTIONS, f"--gpu-architecture=sm_{architecture}")]
    text = sources.source(file).encode()
    assert not nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, file.encode(), 0, None, None)
    for name in names:
        assert not nvrtc.nvrtcAddNameExpression(program, name)
    given = (ctypes.c_char_p * len(options))(*options)
    code = nvrtc.nvrtcCompileProgram(program, len(options), given)
    log = _text(nvrtc, program, "ProgramLog").decode().rstrip("\0")
    assert code == 0, log
    lowered = [_lowered(nvrtc, program, name) for name in names]
    binary = _text(nvrtc, program, "CUBIN")
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return binary, lowered, log


def _text(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    assert not getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    room = ctypes.create_string_buffer(size.value)
    assert not getattr(nvrtc, f"nvrtcGet{what}")(program, room)
    return room.raw


def _lowered(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, name: bytes) -> str:
    found = ctypes.c_char_p()
    assert not nvrtc.nvrtcGetLoweredName(program, name, ctypes.byref(found))
    assert found.value
    return found.value.decode()
