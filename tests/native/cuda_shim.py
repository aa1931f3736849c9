"""The kernels for GPUs without a GPU: their texts compiled by g++, lane after lane in one thread.

`ShimLaunch` stands where `native.cuda.launching.launch` does; `on_shim` lets every op take it for
tensors of the CPU.
"""

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from neurosvt.native.cuda import sources
from neurosvt.native.cuda.launching import BLOCK_THREADS, Passed
from neurosvt.ops import gpu

HEADER = Path(__file__).with_name("cuda_shim.hpp")
FOLDER = Path(__file__).parents[2] / "build" / "cuda_shim"
COMPILER = shutil.which("g++")
FLAGS = (
    "-std=c++17",
    "-O1",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-shared",
    "-fPIC",
)


@cache
def built() -> ctypes.CDLL:
    """All kernels of all kinds, as one library; built anew when a text has changed."""
    texts = {}
    for file in sources.files():
        doors = "\n".join(
            f"SHIM_DOOR({kernel}_{kind}, {name})"
            for (kernel, kind), name in sources.instances(file).items()
        )
        texts[file] = f"{sources.source(file).replace('#pragma once', '')}\n{doors}\n"
    whole = "".join([HEADER.read_text(encoding="utf-8"), *FLAGS, *texts.values()])
    library = FOLDER / f"{hashlib.sha256(whole.encode()).hexdigest()[:16]}.so"
    if not library.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            _compile(texts, Path(folder) / "cuda_shim.so")
            # In one move: several processes may build at a time.
            (Path(folder) / "cuda_shim.so").replace(library)
    return ctypes.CDLL(str(library))


def _compile(texts: dict[str, str], library: Path) -> None:
    paths = []
    for file, text in texts.items():
        paths.append(library.with_name(f"{file}.cpp"))
        paths[-1].write_text(text, encoding="utf-8")
    command = [str(COMPILER), *FLAGS, "-include", str(HEADER), *map(str, paths)]
    done = subprocess.run([*command, "-o", str(library)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class ShimLaunch:
    """Runs what is launched at once, and counts it."""

    def __init__(self) -> None:
        self.library = built()
        self.started: Counter[str] = Counter()

    def __call__(
        self,
        kernel: str,
        kind: str,
        threads: int,
        device: torch.device,
        arguments: Sequence[Passed],
    ) -> None:
        self.started[kernel] += 1
        values = [_in_c(x) for x in arguments]
        places = [ctypes.cast(ctypes.pointer(x), ctypes.c_void_p) for x in values]
        door = getattr(self.library, f"{kernel}_{kind}")
        code = door(
            -(-threads // BLOCK_THREADS), BLOCK_THREADS, (ctypes.c_void_p * len(places))(*places)
        )
        assert code == 0, f"{kernel}: lanes of a warp went on without each other"


def _in_c(x: Passed) -> ctypes._SimpleCData:
    if isinstance(x, float):
        return ctypes.c_float(x)
    if isinstance(x, int):
        return ctypes.c_int64(x)
    return ctypes.c_void_p(0 if x is None else x.data_ptr())


@contextmanager
def on_shim(launch: ShimLaunch) -> Iterator[ShimLaunch]:
    """Every tensor is taken for one on a GPU."""
    before = gpu.takes, gpu.start_kernel
    gpu.takes, gpu.start_kernel = (lambda x: x.dtype in gpu.TYPES), launch
    try:
        yield launch
    finally:
        gpu.takes, gpu.start_kernel = before
