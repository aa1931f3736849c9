"""Learning: takes any model with `(frames, state) -> (belief, state)`."""

from neurosvt.training.clips import ClipObjective
from neurosvt.training.images import ImageObjective, ImageTrainConfig
from neurosvt.training.loop import Objective, Record, Training, fit
from neurosvt.training.losses import BeliefLoss, BeliefObjective
from neurosvt.training.optimizers import OPTIMIZERS
from neurosvt.training.settings import TrainConfig

__all__ = [
    "OPTIMIZERS",
    "BeliefLoss",
    "BeliefObjective",
    "ClipObjective",
    "ImageObjective",
    "ImageTrainConfig",
    "Objective",
    "Record",
    "TrainConfig",
    "Training",
    "fit",
]
