"""Random numbers of a training: of the CPU, and of the GPU that it runs on."""

from collections.abc import MutableMapping

import torch
from torch import Tensor

CPU, GPU = "rng", "rng.cuda"
"""What the states are called in a checkpoint."""


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """Where the generators stand that a model on this device draws from."""
    states = {CPU: torch.get_rng_state()}
    if device.type == "cuda":
        states[GPU] = torch.cuda.get_rng_state(device)
    return states


def take_states(tensors: MutableMapping[str, Tensor]) -> dict[str, Tensor]:
    """What `generator_states` gave, taken out of all that a checkpoint holds; empty, if nothing."""
    return {name: tensors.pop(name) for name in (CPU, GPU) if name in tensors}


def restore_generators(states: dict[str, Tensor], device: torch.device) -> None:
    """Go on from there: exactly, on a device of the kind that they were told on. One of another
    kind goes on from where it is."""
    if device.type == "cuda" and GPU in states:
        torch.cuda.set_rng_state(states[GPU], device)
    torch.set_rng_state(states[CPU])
