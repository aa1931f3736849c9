"""Neuro-SVT: spiking vision transformers that go on knowing what they can no longer see.

    from neurosvt import load, make_scenes

    model = load("permanence").model
    scenes = make_scenes("curtain", seed=7, batch=1, seen=24, hidden=60, after=0)

The public names are loaded when they are first asked for, so that `neurosvt --help` and everything
else without tensors answers at once instead of waiting for torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosvt.classification.accuracy import evaluate_classifier
    from neurosvt.config import UserError
    from neurosvt.energy.compare import compare_energy
    from neurosvt.energy.costs import Costs, joules
    from neurosvt.energy.count import Meter
    from neurosvt.events.frames import make_frames
    from neurosvt.events.recording import Recording
    from neurosvt.experiments.checkpoints import Checkpoint, load
    from neurosvt.experiments.registry import load_run
    from neurosvt.experiments.runs import Run, build_run
    from neurosvt.experiments.trainer import train
    from neurosvt.formats import read_events, write_events
    from neurosvt.models.dysvit import DySViT, DySViTConfig
    from neurosvt.models.neurosvt import NeuroSVT
    from neurosvt.models.neurosvt_config import NeuroSVTConfig
    from neurosvt.nn.heads import Belief
    from neurosvt.nn.memory import Memory, StepwiseMemory
    from neurosvt.nn.token_neuron import TokenNeuron
    from neurosvt.permanence.adapter import StepModel
    from neurosvt.permanence.plan import PermanencePlan
    from neurosvt.permanence.score_table import evaluate_permanence
    from neurosvt.results.entrant import Entrant
    from neurosvt.scenes.sampling import SceneConfig
    from neurosvt.scenes.scenes import Scenes, make_scenes
    from neurosvt.scenes.tiers import TIERS, Tier

__version__ = "0.1.0"

_HOMES = {
    "Belief": "nn.heads",
    "Checkpoint": "experiments.checkpoints",
    "Costs": "energy.costs",
    "DySViT": "models.dysvit",
    "DySViTConfig": "models.dysvit",
    "Engine": "engine.engine",
    "Entrant": "results.entrant",
    "Memory": "nn.memory",
    "Meter": "energy.count",
    "NeuroSVT": "models.neurosvt",
    "NeuroSVTConfig": "models.neurosvt_config",
    "PermanencePlan": "permanence.plan",
    "Recording": "events.recording",
    "Run": "experiments.runs",
    "SceneConfig": "scenes.sampling",
    "Scenes": "scenes.scenes",
    "StepModel": "permanence.adapter",
    "StepwiseMemory": "nn.memory",
    "TIERS": "scenes.tiers",
    "Tier": "scenes.tiers",
    "TokenNeuron": "nn.token_neuron",
    "UserError": "config",
    "build_run": "experiments.runs",
    "compare_energy": "energy.compare",
    "evaluate_classifier": "classification.accuracy",
    "evaluate_permanence": "permanence.score_table",
    "joules": "energy.costs",
    "load": "experiments.checkpoints",
    "load_run": "experiments.registry",
    "make_frames": "events.frames",
    "make_scenes": "scenes.scenes",
    "read_events": "formats",
    "train": "experiments.trainer",
    "write_events": "formats",
}
"""Public name to the module that defines it."""

__all__ = [
    "TIERS",
    "Belief",
    "Checkpoint",
    "Costs",
    "DySViT",
    "DySViTConfig",
    "Engine",
    "Entrant",
    "Memory",
    "Meter",
    "NeuroSVT",
    "NeuroSVTConfig",
    "PermanencePlan",
    "Recording",
    "Run",
    "SceneConfig",
    "Scenes",
    "StepModel",
    "StepwiseMemory",
    "Tier",
    "TokenNeuron",
    "UserError",
    "__version__",
    "build_run",
    "compare_energy",
    "evaluate_classifier",
    "evaluate_permanence",
    "joules",
    "load",
    "load_run",
    "make_frames",
    "make_scenes",
    "read_events",
    "train",
    "write_events",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'neurosvt' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"neurosvt.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
