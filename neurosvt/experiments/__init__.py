"""Runs by name, their training, and the trained models they leave."""

from neurosvt.experiments.checkpoints import Checkpoint, load
from neurosvt.experiments.models import MODELS, ModelKind
from neurosvt.experiments.registry import load_run, run_files
from neurosvt.experiments.runs import Run, build_run
from neurosvt.experiments.trainer import train
from neurosvt.experiments.zoo import BASELINES, Baseline, line_up

__all__ = [
    "BASELINES",
    "MODELS",
    "Baseline",
    "Checkpoint",
    "ModelKind",
    "Run",
    "build_run",
    "line_up",
    "load",
    "load_run",
    "run_files",
    "train",
]
