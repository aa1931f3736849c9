"""What a model does while there is something to see, and while what it saw is hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.nn.weights import device_of
from neurosvt.scenes.scenes import Scenes


@dataclass(frozen=True)
class PhaseCounts:
    """What a model did in one part of all sequences."""

    layers: dict[str, Operations]
    """Operations of every layer, by its name in the model."""
    frames: int
    """Frames of all sequences together: what the operations are of."""

    @property
    def total(self) -> Operations:
        """All layers together."""
        return Operations.summed(self.layers.values())


@runtime_checkable
class Deployable(Protocol):
    """A model that runs on hardware in another form than it is trained in."""

    def deployed(self) -> nn.Module:
        """That form: norms folded into weights, and nothing that serves training alone."""


def deployed(model: nn.Module) -> nn.Module:
    """A model as it runs on hardware: `model.deployed()` where it has that form, else itself."""
    return model.deployed() if isinstance(model, Deployable) else model


def phases_of(scenes: Scenes) -> dict[str, np.ndarray]:
    """Frames (T, B, 2, Y, X) of each phase of scenes of one occlusion, in their order: "active",
    from the first to the last in which all objects are wholly in view; "hidden", in which none can
    be seen; and "between"."""
    occlusion = scenes.occlusions[0]
    seen, end = int(occlusion.seen.min()) + 1, occlusion.last + 1
    borders = {
        "active": (0, seen),
        "between": (seen, occlusion.first),
        "hidden": (occlusion.first, end),
    }
    return {phase: scenes.frames[first:last] for phase, (first, last) in borders.items()}


def told(found: Mapping[str, PhaseCounts]) -> dict[str, PhaseCounts]:
    """Phases that are told of: what lies between belongs to neither."""
    return {phase: done for phase, done in found.items() if phase != "between"}


@torch.no_grad()
def count_phases(model: nn.Module, scenes: Scenes) -> dict[str, PhaseCounts]:
    """Feed scenes to a model frame by frame and count: by phase, layer by layer.

    Args:
        model: called as `_, state = model(frames, state)` on frames (1, B, 2, H, W).
        scenes: of one occlusion.

    Returns:
        "active" and "hidden", as of `phases_of`.

    Raises:
        UserError: an operator whose cost is not known.
    """
    state, found, device = None, {}, device_of(model)
    for phase, frames in phases_of(scenes).items():
        meter = Meter(model, batch_axes=2)
        for frame in torch.from_numpy(frames).to(device):
            with meter:
                _, state = model(frame[None], state)
            meter.refuse_unknown()
        found[phase] = PhaseCounts(dict(meter.layers), frames.shape[0] * frames.shape[1])
    return told(found)


@torch.no_grad()
def count_pass(model: nn.Module, inputs: Tensor) -> PhaseCounts:
    """Count one forward pass over images or clips, layer by layer.

    Args:
        model: called as `model(inputs)`.
        inputs: images (B, C, Y, X), or clips of frames (T, B, C, Y, X). Each image is a frame.

    Raises:
        UserError: an operator whose cost is not known.
    """
    axes = inputs.ndim - 3
    with Meter(model, batch_axes=axes) as meter:
        model(inputs.to(device_of(model)))
    meter.refuse_unknown()
    return PhaseCounts(dict(meter.layers), inputs.shape[:axes].numel())
