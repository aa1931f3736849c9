"""Learning: takes any model with `(frames, state) -> (belief, state)`."""

from neurosvt.train.clips import ClipObjective
from neurosvt.train.images import ImageObjective, ImageTrainConfig
from neurosvt.train.loop import Objective, Record, TrainConfig, Training, fit
from neurosvt.train.losses import BeliefLoss, BeliefObjective
from neurosvt.train.optimizers import OPTIMIZERS

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
