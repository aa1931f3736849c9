"""What a model does while there is something to see, and while what it saw is hidden."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
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


@torch.no_grad()
def count_phases(model: nn.Module, scenes: Scenes) -> dict[str, PhaseCounts]:
    """Feed scenes to a model frame by frame and count: by phase, layer by layer.

    Args:
        model: called as `_, state = model(frames, state)` on frames (1, B, 2, H, W).
        scenes: of one occlusion.

    Returns:
        "active", from the first frame to the last in which all objects are wholly in view;
        "hidden", in which none can be seen. What lies between is in neither.

    Raises:
        UserError: an operator whose cost is not known.
    """
    sequences, occlusion = scenes.label.shape[1], scenes.occlusions[0]
    seen, end = int(occlusion.seen.min()) + 1, occlusion.last + 1
    meters = {phase: Meter(model, batch_axes=2) for phase in ("active", "between", "hidden")}
    state = None
    for step, frame in enumerate(torch.from_numpy(scenes.frames[:end])):
        phase = "active" if step < seen else "hidden" if step >= occlusion.first else "between"
        with meters[phase] as meter:
            _, state = model(frame[None], state)
        meter.refuse_unknown()
    steps = {"active": seen, "hidden": end - occlusion.first}
    return {
        phase: PhaseCounts(dict(meters[phase].layers), count * sequences)
        for phase, count in steps.items()
    }


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
        model(inputs)
    meter.refuse_unknown()
    return PhaseCounts(dict(meter.layers), inputs.shape[:axes].numel())
