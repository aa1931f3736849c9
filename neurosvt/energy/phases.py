"""What a model does while there is something to see, and while what it saw is hidden."""

from dataclasses import dataclass

import torch
from torch import nn

from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.permanence.baselines.latch import Latch
from neurosvt.scenes.scenes import Scenes


@dataclass(frozen=True)
class PhaseCounts:
    """One part of all sequences."""

    layers: dict[str, Operations]
    frames: int
    """Frames of all sequences together: what the operations are of."""

    @property
    def total(self) -> Operations:
        """All layers together."""
        return Operations.summed(self.layers.values())


def deployed(model: nn.Module) -> nn.Module:
    """Norms folded and weights on the grid, where a model has such a form; else as it is."""
    if isinstance(model, Latch):
        return Latch(deployed(model.model), model.threshold)  # type: ignore[arg-type]
    return model.deployed() if isinstance(model, NeuroSVT) else model


@torch.no_grad()
def count_phases(model: nn.Module, scenes: Scenes) -> dict[str, PhaseCounts]:
    """Feed scenes to a model frame by frame and count: by phase, layer by layer.

    Args:
        model: whatever takes (T, B, 2, H, W) frames and a state.
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
