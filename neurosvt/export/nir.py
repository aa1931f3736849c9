"""`--to nir`: every subgraph as a NIR file, and a manifest of what comes between them."""

import json
from pathlib import Path
from typing import Any

from neurosvt.config import UserError
from neurosvt.export.dysvit_split import dysvit_on_grid, split_dysvit
from neurosvt.export.neurosvt_split import split_neurosvt
from neurosvt.export.nir_graph import STEP_S, nir_graph, nir_library
from neurosvt.export.subgraph import Between, Fired, Leaked, Split, Subgraph
from neurosvt.files import write_whole
from neurosvt.models.dysvit import DySViT
from neurosvt.models.neurosvt import NeuroSVT

MANIFEST_FILE = "manifest.json"

CONVENTIONS = {
    "step": f"forward Euler with dt = {STEP_S} s: one step of the files is one frame, however long",
    "LIF": "r = 1, v_reset = 0, tau = dt / (1 - decay): v is ours times dt / tau; v_threshold is "
    "the largest float32 below what a current of 1 leaves, for NIR fires above it and we at it",
    "LI": "r = tau / dt: v is ours",
    "sums": "weights are on a grid on which sums of spikes are exact in float32, in any order",
    "scale": "a factor a channel is a diagonal Linear or Affine: importers know no Scale",
}
"""How numbers in the files read."""

IMPORTERS = {
    "norse 1.1.0": {"refuses": ["LI"], "call": f"norse.torch.from_nir(graph, dt={STEP_S})"},
    "snnTorch 1.0.0": {"refuses": ["LI"], "call": "snntorch.import_nir.import_from_nir(graph)"},
}
"""What was found of simulators' importers; tests/export/test_simulators.py."""


def split_model(model: Any) -> tuple[Any, Split]:
    """A model in the form in which it is exported, and its subgraphs.

    Raises:
        UserError: it is neither a NeuroSVT nor a DySViT, or has parts that have no such form.
    """
    if isinstance(model, DySViT):
        model = dysvit_on_grid(model)
        return model, split_dysvit(model)
    if isinstance(model, NeuroSVT):
        model = model if model.folded else model.deployed()
        return model, split_neurosvt(model)
    raise UserError(f"a {type(model).__name__} cannot be exported; NeuroSVT and DySViT can")


def export_nir(model: Any, folder: Path) -> list[Path]:
    """Write `NAME.nir` for every subgraph of a model, and a manifest; the files that were written.

    Raises:
        UserError: `nir` is not installed, or as `split_model`.
    """
    nir = nir_library()
    model, split = split_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, subgraph in split.subgraphs.items():
        written.append(folder / f"{name}.nir")
        nir.write(written[-1], nir_graph(subgraph))
    manifest = json.dumps(manifest_of(model, split), indent=2) + "\n"
    write_whole(folder / MANIFEST_FILE, manifest.encode())
    return [*written, folder / MANIFEST_FILE]


def manifest_of(model: Any, split: Split) -> dict[str, Any]:
    """What a reader of the files has to know: conventions, importers, and every step in order."""
    frame_ms = getattr(model.config, "frame_ms", None)
    return {
        "model": model.config.kind,
        "format": "NIR",
        "dt_s": STEP_S,
        "frame_ms": frame_ms,
        "conventions": CONVENTIONS,
        "importers": IMPORTERS,
        "steps": [step_of(step) for step in split.steps],
    }


def step_of(step: Subgraph | Between) -> dict[str, Any]:
    """One step of the work: a file, or what the host does."""
    if isinstance(step, Between):
        return {"host": step.name, "does": step.formula, "because": step.why}
    return {
        "file": f"{step.name}.nir",
        "nodes": {name: type(node).__name__ for name, node in nir_graph(step).nodes.items()},
        "copies": step.copies,
        "takes": {"shape": step.entry, "unit": step.takes},
        "gives": {"shape": step.exit, "unit": step.gives},
        "tau_steps": {
            name: layer.tau.tolist() if isinstance(layer, Leaked) else 1 / (1 - layer.decay)
            for name, layer in step.layers
            if isinstance(layer, Fired | Leaked)
        },
    }
