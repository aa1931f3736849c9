"""A step of training, whole: NeuroSVT and DySViT by backend, and NeuroSVT beside Spikformer; and
the making of what `permanence_stage1` is trained on."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurosvt.bench.peers import installed, reset, spikformer
from neurosvt.bench.timing import Candidate
from neurosvt.experiments.registry import load_run
from neurosvt.loaders.images import ImageBatch
from neurosvt.loaders.occlusion_batches import OcclusionBatch
from neurosvt.models.dysvit import DySViT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import SIZES
from neurosvt.native import library
from neurosvt.ops.precision import Amp, products_name
from neurosvt.training.images import ImageObjective, ImageTrainConfig
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective

BATCHES = 8
"""Batches of scenes that every backend trains on, in the same order, over and over."""


def training_candidates() -> Iterator[Candidate]:
    """Steps of what learns all tiers, of DySViT, and of `dvs128` beside what it is to replace."""
    yield from _default()
    yield from _photographs()
    yield from _gestures()


def _default() -> Iterator[Candidate]:
    run: Any = load_run("permanence_stage1")
    objective = BeliefObjective(run.train.state_noise)
    stream = run.stream()
    batches, products = [stream[i] for i in range(BATCHES)], products_here(run.train.amp)
    for backend in ("native", "manual", "reference"):
        if backend == "native" and library() is None:
            continue
        torch.manual_seed(0)
        training = Training(NeuroSVT(run.model, backend), run.train)
        yield Candidate(
            backend, "train step, permanence", f"batch {run.train.batch}", products,
            partial(_train_on, training, itertools.cycle(batches), objective),
        )  # fmt: skip

    # What makes those batches, in one process beside; the same sequences, so the same lengths.
    which = itertools.cycle(range(BATCHES))
    yield Candidate(
        "scenes", "generate, permanence", f"batch {run.train.batch}", "bool",
        lambda: stream[next(which)],
    )  # fmt: skip


def _train_on(
    training: Training, batches: Iterator[OcclusionBatch], objective: BeliefObjective
) -> None:
    fit(training, [next(batches)], objective)


def products_here(amp: Amp) -> str:
    """What a benchmark's row calls the precision that products are taken in on this processor."""
    return {"bfloat16": "bf16", "float16": "fp16"}.get(products_name(amp, "cpu"), "fp32")


def _photographs() -> Iterator[Candidate]:
    """DySViT at batch 128; noise for images, which cost the same."""
    torch.manual_seed(0)
    images, label = torch.randn(128, 3, 32, 32), torch.randint(0, 10, (128,))
    batch = ImageBatch(images, label, label, 1.0)
    for backend in ("native", "reference"):
        if backend == "native" and library() is None:
            continue
        training = Training(DySViT(backend=backend), ImageTrainConfig())
        yield Candidate(
            backend, "train step, dysvit", "batch 128", products_here(training.config.amp),
            partial(fit, training, [batch], ImageObjective()), heavy=backend == "reference",
        )  # fmt: skip


def _gestures() -> Iterator[Candidate]:
    """Batch 2, 16 frames of 128 x 128 in which every patch has events: what costs ours most."""
    frames = torch.rand(16, 2, 2, 128, 128) < 0.1
    numbers = frames.float()

    def ours(model: nn.Module) -> Tensor:
        belief, _ = model(frames)
        logits: Tensor = belief.class_logits.mean(0)
        return logits

    def theirs(model: nn.Module) -> Tensor:
        reset(model)
        logits: Tensor = model(numbers).mean(0)
        return logits

    for dtype in ("fp32", "bf16"):
        yield _step("neurosvt dvs128", dtype, NeuroSVT(SIZES["dvs128"]), ours)
        if "spikingjelly" in installed():
            yield _step("spikformer-2-256", dtype, spikformer(), theirs, heavy=True)


def _step(
    name: str,
    dtype: str,
    model: nn.Module,
    forward: Callable[[nn.Module], Tensor],
    *,
    heavy: bool = False,
) -> Candidate:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    label = torch.tensor([3, 7])

    def step() -> None:
        model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            logits = forward(model)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(logits.float(), label).backward()
        optimizer.step()

    return Candidate(name, "train step, gestures", "16x2x2x128x128", dtype, step, heavy=heavy)
