"""The kernels for GPUs as text: what each file holds, and what it is compiled with.

A file is compiled as one piece of text, its own headers put in their places: NVRTC looks for none,
and what is compiled does not depend on where the package lies.
"""

import re
from functools import cache
from pathlib import Path

CUDA_TYPES = {"f32": "float", "f16": "fp16", "bf16": "bf16"}
"""Number types that kernels with a type of their own are compiled for, as the texts call them."""

ARCHITECTURES = (70, 75, 80, 86, 89, 90)
"""Compute capabilities that the texts are compiled for in the tests: Volta to Hopper."""

OPTIONS = ("--std=c++17", "--fmad=false")
"""Of the compiler. No fused multiply-add: see device.cuh."""

_FOLDER = Path(__file__).parent
_INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)
_KERNEL = re.compile(r"(template <class T>\s+)?__global__ void (\w+)\(")


@cache
def files() -> tuple[str, ...]:
    """The texts that hold kernels."""
    return tuple(sorted(path.name for path in _FOLDER.glob("*.cu")))


@cache
def source(file: str) -> str:
    """The text of a file, with every header of ours put where it is first asked for."""
    seen: set[str] = set()

    def text(name: str) -> str:
        seen.add(name)
        own = (_FOLDER / name).read_text(encoding="utf-8")
        return _INCLUDE.sub(lambda found: text(found[1]) if found[1] not in seen else "", own)

    return text(file)


@cache
def instances(file: str) -> dict[tuple[str, str], str]:
    """What a file is asked for: by kernel and kind of numbers, the name in C++. Kernels without a
    type of their own are of kind f32."""
    found: dict[tuple[str, str], str] = {}
    for template, name in _KERNEL.findall(source(file)):
        kinds = CUDA_TYPES if template else {"f32": ""}
        found |= {(name, kind): f"{name}<{T}>" if T else name for kind, T in kinds.items()}
    return found


@cache
def homes() -> dict[tuple[str, str], str]:
    """Every kernel and kind, and the file that holds it."""
    return {kernel: file for file in files() for kernel in instances(file)}
