"""Kernels for GPUs: compiled by CuPy when they are first asked for, started on PyTorch's stream.

Tensors are handed over by their addresses: nothing is copied, and nothing is waited for.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosvt.native.cuda import sources

BLOCK_THREADS = 128
"""Threads in a block, a multiple of a warp: every grid has one axis, and kernels ask for none."""

Passed = Tensor | float | int | None
"""What a kernel is given: an array by its address (None: there is none), or a number."""


def launch(
    kernel: str, kind: str, threads: int, device: torch.device, arguments: Sequence[Passed]
) -> None:
    """Start at least so many threads of a kernel, behind what PyTorch's current stream has to do.

    Args:
        kernel, kind: see `sources.homes`.
        threads: how many have something to do.
        device: where the arrays are.
        arguments: in the kernel's order; they must stay as they are until the stream is through,
            which PyTorch sees to for tensors made on the same stream.
    """
    cupy = _cupy()
    stream = torch.cuda.current_stream(device)
    with cupy.cuda.Device(device.index), _followed(stream.cuda_stream, stream.device_index):
        blocks = -(-threads // BLOCK_THREADS)
        _compiled(kernel, kind)((blocks,), (BLOCK_THREADS,), tuple(map(_as_number, arguments)))


def why_missing() -> str | None:
    """Why there are no kernels for GPUs here, in words; None where there are."""
    if not torch.cuda.is_available():
        return "there is no CUDA device, or PyTorch was built without CUDA"
    if torch.version.hip is not None:
        return "this GPU is none of CUDA's"
    if find_spec("cupy") is None:
        return "CuPy is not installed: pip install 'neurosvt[cuda]'"
    try:
        _cupy()
    except Exception as error:  # CuPy raises whatever its libraries do
        return f"CuPy does not load: {' '.join(str(error).split())}"
    return None


def _as_number(x: Passed) -> Any:
    """What CuPy hands on as it is, by the width that the kernels declare."""
    if isinstance(x, float):
        return np.float32(x)
    if isinstance(x, int):
        return np.int64(x)
    return np.uint64(0 if x is None else x.data_ptr())


@cache
def _cupy() -> Any:
    import cupy

    return cupy


class _Stream:
    """A stream of another library's, by the protocol that CuPy asks for since its version 14."""

    def __init__(self, address: int):
        self.address = address

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.address


@cache
def _followed(address: int, device: int) -> Any:
    """PyTorch's stream, as CuPy has it; PyTorch never gives one up."""
    streams = _cupy().cuda
    if hasattr(streams.Stream, "from_external"):
        return streams.Stream.from_external(_Stream(address))
    return streams.ExternalStream(address, device)


@cache
def _module(file: str) -> Any:
    names = tuple(sources.instances(file).values())
    text = sources.source(file)
    return _cupy().RawModule(code=text, options=sources.OPTIONS, name_expressions=names)


@cache
def _compiled(kernel: str, kind: str) -> Any:
    """Compiled once for every device, and kept on disk by CuPy."""
    file = sources.homes()[kernel, kind]
    return _module(file).get_function(sources.instances(file)[kernel, kind])
