"""What training needs beside a loop: the model, its batches, its task, and how it is judged."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.data import cifar10
from neurosvt.data.image_stream import ImageStream
from neurosvt.data.stream import ahead
from neurosvt.evaluate.accuracy import right
from neurosvt.evaluate.permanence import tune_latch, validation_score
from neurosvt.models.dysvit import DySViT
from neurosvt.nn.memory import LeakyMemory
from neurosvt.presets import AnyImageRun, AnyRun, Run, load_classifier
from neurosvt.train.images import ImageTask
from neurosvt.train.loop import Task
from neurosvt.train.losses import BeliefTask

VALIDATION_EVENTS = 100
"""Occlusion events per tier and length at each look at the validation scenes."""


@runtime_checkable
class Course(Protocol):
    """One run's way from random weights to a judged model."""

    @property
    def model(self) -> nn.Module: ...
    @property
    def task(self) -> Task: ...

    def batches(self, start: int) -> Iterator[Any]:
        """Training batches from step `start` on."""

    def validate(self) -> dict[str, float]:
        """What the model is worth now: "score", by which the best is chosen, and its parts."""

    def settle(self) -> dict[str, float]:
        """What is tuned on validation once training has ended; facts to keep with the weights."""

    def remarks(self) -> list[str]:
        """What was learnt, in words."""


class BeliefCourse:
    """Objects that hide, for NeuroSVT."""

    def __init__(self, run: Run, backend: str):
        self.run, self.model = run, run.network(backend)
        self.task = BeliefTask(run.train.state_noise)
        self.exam = run.exam("validation", run.train.seed)
        self.stream = run.stream()

    def batches(self, start: int) -> Iterator[Any]:
        return ahead(self.stream, start)

    def validate(self) -> dict[str, float]:
        return validation_score(
            self.model, self.exam, VALIDATION_EVENTS, state_noise=self.run.train.state_noise
        )

    def settle(self) -> dict[str, float]:
        if self.run.model.memory != "none":
            return {}
        threshold, belief = tune_latch(self.model, self.exam)
        return {"latch_threshold": threshold, "latch_belief": belief}

    def remarks(self) -> list[str]:
        memory = self.model.memory
        if not isinstance(memory, LeakyMemory):
            return []
        tau = memory.tau().detach()
        return [
            f"time constants, in steps: shortest {tau.min():.1f}, "
            f"median {tau.median():.1f}, longest {tau.max():.0f}"
        ]


class ImageCourse:
    """Photographs, for DySViT and its teacher."""

    def __init__(self, run: AnyImageRun, backend: str):
        self.run, self.model = run, run.network(backend)
        train = cifar10.load("train")
        self.held_out = cifar10.load("validation")
        cfg = run.train
        teacher = load_classifier(cfg.teacher).model if cfg.teacher else None
        self.task = ImageTask(teacher, cfg.teacher_share, cfg.temperature)
        if len(train) != cfg.images:
            raise UserError(f"train.images is {cfg.images}, {run.data.dataset} has {len(train)}")
        self.stream = ImageStream(train, run.data, cfg.batch, cfg.steps, cfg.pure_from, cfg.seed)

    def batches(self, start: int) -> Iterator[Any]:
        return ahead(self.stream, start)

    def validate(self) -> dict[str, float]:
        return {"score": float(right(self.model, self.held_out, amp=self.run.train.amp).mean())}

    def settle(self) -> dict[str, float]:
        return {}

    def remarks(self) -> list[str]:
        if not isinstance(self.model, DySViT):
            return []
        return [f"{self.model.deployed().parameter_count():,} parameters when deployed"]


def course_of(run: AnyRun, backend: str) -> Course:
    """The course of a run, its weights from the run's seed alone."""
    torch.manual_seed(run.train.seed)
    return BeliefCourse(run, backend) if isinstance(run, Run) else ImageCourse(run, backend)
