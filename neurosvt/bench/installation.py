"""What is installed on this machine, what is missing, and the one command that brings it."""

import os
import platform
import shutil
from collections.abc import Callable

import torch

from neurosvt import __version__
from neurosvt.bench.extras import extras
from neurosvt.bench.peers import installed
from neurosvt.config import UserError
from neurosvt.datasets.folder import VARIABLE, data_root
from neurosvt.engine.library import engine_library
from neurosvt.experiments.checkpoints import model_file, shipped_names
from neurosvt.native import library
from neurosvt.native.processor import instruction_sets, multiplies_bfloat16, multiplies_bytes
from neurosvt.ops.gpu import why_not
from neurosvt.ops.lif import BACKENDS
from neurosvt.results.hardware import hardware

REBUILD = "pip install --force-reinstall --no-deps --no-binary neurosvt neurosvt"
"""Builds the C++ library, where there is a compiler."""


def describe_installation() -> dict[str, str]:
    """One line per finding, by what it is about."""
    machine = hardware()
    memory = machine["memory_gib"]
    lines = {
        "neurosvt": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "torch": f"{torch.__version__}, {torch.get_num_threads()} threads",
        "machine": f"{machine['cpu']}, {machine['cores']} cores"
        + (f", {memory} GiB" if memory else ""),
        "gpu": machine["gpu"] or _no_gpu(),
        "instructions": ", ".join(instruction_sets()) or "none that products depend on",
        "bfloat16": _bfloat16(torch.cuda.is_available()),
        "bytes": "dot products of bytes are one instruction"
        if multiplies_bytes()
        else "no instruction for dot products of bytes: exact sums are taken in float32",
        "compiler": compiler() or "none, which only backends native and compile want",
        "engine": "C++" if engine_library() else "PyTorch: the C++ one was not built here",
        "backend auto": _auto(),
    }
    lines |= {f"backend {n}": BACKEND_FINDINGS.get(n, lambda: "added")() for n in sorted(BACKENDS)}
    lines |= {"models": _models(), "data": _data()}
    lines |= {f"[{extra.name}]": extra.told() for extra in extras()}
    lines["peers"] = f"{', '.join(installed()) or 'none'} (measured by neurosvt bench)"
    return lines


def compiler() -> str | None:
    """A C++ compiler, by the path at which it is found."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++", "cl")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def _auto() -> str:
    """What serves on the CPU, and on a GPU where there is one."""
    here = "native" if library() else "manual, which takes twice the time of native"
    if not torch.cuda.is_available():
        return here
    return f"{here}; on CUDA devices {'manual' if why_not() else 'cupy'}"


def _cupy() -> str:
    why = why_not()
    return f"PyTorch serves: {why}" if why else "works: CUDA kernels, compiled when first needed"


def _native() -> str:
    if library():
        return "built"
    wanted = "" if compiler() else "a C++ compiler, then "
    return f"not built, PyTorch serves; it wants {wanted}{REBUILD}"


def _compile() -> str:
    if compiler() or torch.cuda.is_available():
        return "works"
    return "wants a C++ compiler on PATH: apt install g++, xcode-select --install, or like it"


BACKEND_FINDINGS: dict[str, Callable[[], str]] = {
    "reference": lambda: "works: the definition",
    "manual": lambda: "works: PyTorch alone",
    "compile": _compile,
    "cupy": _cupy,
    "native": _native,
}
"""What is said of each key of `ops.lif.BACKENDS`."""


def _no_gpu() -> str:
    if shutil.which("nvidia-smi") and torch.version.cuda is None:
        return "not used: this PyTorch is for CPUs alone; https://pytorch.org names the other"
    return "none: everything runs on the CPU"


def _bfloat16(cuda: bool) -> str:
    """Where products are bfloat16, and so what `amp = "auto"` does."""
    devices = ["cpu", *(["cuda"] if cuda else [])]
    there = [device for device in devices if multiplies_bfloat16(device)]
    without = [device for device in devices if device not in there]
    told = [f"computed on {' and '.join(there)}: amp = auto uses it there"] if there else []
    for device in without:
        instead = "float16" if device == "cuda" else "float32"
        told.append(f"only emulated on {device}: amp = auto is {instead} there")
    return "; ".join(told)


def _models() -> str:
    """Those that RUN may name, and those that have to be fetched first."""
    away = [name for name in shipped_names() if not _is_here(name)]
    here = ", ".join(name for name in shipped_names() if name not in away) or "none"
    return here + (f"; `neurosvt hub pull NAME` fetches {', '.join(away)}" if away else "")


def _is_here(name: str) -> bool:
    try:
        return model_file(name).is_file()
    except (FileNotFoundError, UserError):
        return False


def _data() -> str:
    root = data_root()
    held = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return f"{root}: {', '.join(held) or f'nothing there; {VARIABLE} names another folder'}"
