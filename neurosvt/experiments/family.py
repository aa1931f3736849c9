"""Which runs belong together: NAME and NAME_lif, NAME_none, ... which differ in one thing."""

from collections.abc import Callable
from pathlib import Path

from neurosvt.experiments.models import RECURRENT
from neurosvt.experiments.runs import Run
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.vit import ViTConfig, twin_of, vit_tiny_of

DENSE: dict[str, Callable[[NeuroSVTConfig], ViTConfig]] = {
    "vit_tiny": vit_tiny_of,
    "twin": twin_of,
    "twin_tokens": lambda model: twin_of(model, "tokens"),
}
"""Dense transformers that a NeuroSVT's operations are compared with."""

LIF_MEMBERS = {2.0: "lif", 1.1: "lif_1", 5.0: "lif_5", 20.0: "lif_20", 100.0: "lif_100"}
"""What a member with the original's memory token is called, by the token's time constant."""


def member(run: Run) -> str:
    """Which of a family a run is: "leaky", "lif_20", "gru", "twin", ..."""
    model = run.model
    kind: str = model.kind
    if kind in RECURRENT:
        return kind
    if kind == "vit":
        twin = "twin_tokens" if model.looks == "tokens" else "twin"
        return "vit_tiny" if model.memory.kind == "none" else twin
    memory = model.memory
    kind = memory.kind
    if kind == "lif":
        return LIF_MEMBERS.get(memory.tau, "lif")
    if kind == "leaky" and (memory.tau_range, memory.learns_tau) == ((2.0, 2.0), False):
        return "charge_2"
    return kind


def sibling(name: str, memory: str) -> str:
    """What the same run with another memory is called: NAME_lif beside NAME, as configs are.

    A checkpoint in a run folder stands for its folder.
    """
    path = Path(name)
    if path.is_file() and path.stem in ("best", "last"):
        path = path.parent
    ending = path.suffix if path.is_file() else ""
    other = path.stem if ending else path.name
    return str(path.with_name(other + (f"_{memory}" if memory != "leaky" else "") + ending))
