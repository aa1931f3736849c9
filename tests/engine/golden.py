"""What the shipped models say of made-up scenes and images: write it, or hold it against the file.

    python -m tests.engine.golden       writes golden_beliefs.json

A change of a kernel, a simulator or a reader that moves an answer is seen here, whoever made it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt import load
from neurosvt.engine.runner import runner_of
from neurosvt.experiments.checkpoints import Checkpoint, shipped_names
from neurosvt.permanence.tasks import SceneTask

FILE = Path(__file__).with_name("golden_beliefs.json")
TIERS = ("curtain", "tunnel", "blackout")
HIDDEN = 30
TOLERANCE = 2e-4
"""Of probabilities and of shares of the sensor: spikes are the same on every processor, the sums in
the heads are rounded otherwise."""


def golden() -> dict[str, Any]:
    """By model, what it says."""
    return {name: answers(name) for name in shipped_names()}


def answers(name: str) -> list[list[float]]:
    """Numbers of a model, each between 0 and 1."""
    trained = load(name)
    if trained.takes_images:
        side = trained.run.model.image_size
        pixels = np.random.default_rng(5).integers(0, 256, (3, side, side, 3)).astype(np.uint8)
        said = trained.predict(list(pixels))
        return [list(one.probabilities.values()) for one in said]
    return list(beliefs(trained))


def beliefs(trained: Checkpoint) -> Iterator[list[float]]:
    """At the last frame in view, in the middle of hiding, and at its end."""
    task = trained.run.task("test")
    if not isinstance(task, SceneTask):  # of recordings
        yield from asked_of(trained.model, moving_block(trained), 24)
        return
    for tier in TIERS:
        scenes = next(iter(task.batches(tier, HIDDEN, 1)))
        yield from asked_of(trained.model, scenes.frames[:, 0], scenes.occlusions[0].first)


def moving_block(trained: Checkpoint) -> np.ndarray:
    """Frames (T, 2, H, W) of a block that flickers to the right, then of darkness."""
    width, height = np.broadcast_to(trained.run.model.image_size, 2).tolist()
    rng, frames = np.random.default_rng(5), np.zeros((24 + HIDDEN, 2, height, width), bool)
    for t, frame in enumerate(frames[:24]):
        block = frame[:, height // 4 : height // 2, (t * width) // 40 :][..., : width // 6]
        block[:] = rng.random(block.shape) < 0.4
    return frames


def asked_of(model: nn.Module, frames: np.ndarray, first: int) -> Iterator[list[float]]:
    """Probabilities of classes and of presence, and the place; hidden from frame `first` on."""
    runner, _ = runner_of(model, {})
    with torch.no_grad():
        belief, _ = runner(torch.from_numpy(frames)[:, None], None)
    classes, presence = belief.class_logits.softmax(-1), belief.presence_logits.softmax(-1)
    for t in (first - 1, first + HIDDEN // 2, first + HIDDEN - 1):
        yield [x for part in (classes, belief.position, presence) for x in part[t, 0].tolist()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    rounded = {
        name: [[round(float(x), 6) for x in row] for row in rows] for name, rows in golden().items()
    }
    lines = ",\n".join(f'"{name}": {json.dumps(rows)}' for name, rows in rounded.items())
    FILE.write_text(f"{{\n{lines}\n}}\n")
