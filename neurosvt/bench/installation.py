"""What is installed on this machine, what is missing, and what that means."""

import platform
import shutil
from importlib.util import find_spec

import torch

from neurosvt import __version__
from neurosvt.bench.peers import installed
from neurosvt.datasets.folder import data_root
from neurosvt.experiments.checkpoints import WEIGHTS
from neurosvt.native import library
from neurosvt.native.processor import instruction_sets, multiplies_bfloat16, multiplies_bytes
from neurosvt.results.hardware import hardware

EXTRAS = {
    "data": ("pyarrow", "PIL", "h5py", "av"),
    "events": ("eventcv", "dv_processing"),
    "live": ("zmq",),
    "export": ("nir", "onnxscript", "onnxruntime"),
    "tensorboard": ("tensorboard",),
    "docs": ("material", "mkdocstrings"),
    "notebook": ("nbformat", "nbclient", "ipykernel"),
}
"""Extra of the package to what it brings, by the names under which it is imported."""


def describe_installation() -> dict[str, str]:
    """One line per finding, by what it is about."""
    machine, root, cuda = hardware(), data_root(), torch.cuda.is_available()
    held = ", ".join(sorted(p.name for p in root.iterdir() if p.is_dir())) if root.is_dir() else ""
    lines = {
        "neurosvt": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "torch": f"{torch.__version__}, {torch.get_num_threads()} threads",
        "machine": f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB",
        "gpu": machine["gpu"] or "none: everything runs on the CPU",
        "instructions": ", ".join(instruction_sets()) or "none that products depend on",
        "bfloat16": _bfloat16(cuda),
        "bytes": "dot products of bytes are one instruction"
        if multiplies_bytes()
        else "no instruction for dot products of bytes: exact sums are taken in float32",
        "kernels": "built: backend auto is native"
        if library()
        else "not built: backend auto is PyTorch alone and takes twice the time; they are built "
        "when the package is installed where there is a C++ compiler",
        "compile": "backend compile works"
        if shutil.which("g++") or cuda
        else "backend compile wants a C++ compiler",
        "models": ", ".join(sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))),
        "data": f"{root}: {held or 'nothing there; NEUROSVT_DATA names another folder'}",
    }
    for name, brings in EXTRAS.items():
        missing = [module for module in brings if not find_spec(module)]
        brought = f"pip install 'neurosvt[{name}]' brings {', '.join(missing)}"
        lines[f"[{name}]"] = brought if missing else "installed"
    lines["peers"] = f"{', '.join(installed()) or 'none'} (measured by neurosvt bench)"
    return lines


def _bfloat16(cuda: bool) -> str:
    """Where products are bfloat16, and so what `amp = "auto"` does."""
    devices = ["cpu", *(["cuda"] if cuda else [])]
    there = [device for device in devices if multiplies_bfloat16(device)]
    without = [device for device in devices if device not in there]
    told = [f"computed on {' and '.join(there)}: amp = auto uses it there"] if there else []
    if without:
        told.append(f"only emulated on {' and '.join(without)}: amp = auto is float32 there")
    return "; ".join(told)
