"""Random numbers of a training: of the CPU, and of the GPU that it runs on, in every process."""

from collections.abc import MutableMapping

import numpy as np
import torch
from torch import Tensor, distributed

from neurosvt.ops.across import processes, rank

CPU, GPU = "rng", "rng.cuda"
"""What the states of the first process are called in a checkpoint; behind those of another stands
its rank, as in rng.1."""


def own_generators(seed: int) -> None:
    """Give this process random numbers that no other draws; the first goes on with its own."""
    if rank():
        torch.manual_seed(int(np.random.SeedSequence([seed, rank()]).generate_state(1)[0]))


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """Where the generators stand that a model on this device draws from, in every process; all of
    them have to ask."""
    states = {CPU: torch.get_rng_state()}
    if device.type == "cuda":
        states[GPU] = torch.cuda.get_rng_state(device)
    every = [states]
    if processes() > 1:
        every = [{} for _ in range(processes())]
        distributed.all_gather_object(every, states)
    return {_named(name, at): t for at, states in enumerate(every) for name, t in states.items()}


def take_states(tensors: MutableMapping[str, Tensor]) -> dict[str, Tensor]:
    """What `generator_states` gave, taken out of all that a checkpoint holds; empty, if nothing."""
    names = [name for name in tensors if name.split(".")[0] == CPU]
    return {name: tensors.pop(name) for name in names}


def restore_generators(states: dict[str, Tensor], device: torch.device) -> None:
    """Go on from there: exactly, on a device of the kind that they were told on. One of another
    kind goes on from where it is, as does a process that was not there."""
    of_cpu, of_gpu = (states.get(_named(name, rank())) for name in (CPU, GPU))
    if device.type == "cuda" and of_gpu is not None:
        torch.cuda.set_rng_state(of_gpu, device)
    if of_cpu is not None:
        torch.set_rng_state(of_cpu)


def _named(name: str, at: int) -> str:
    return f"{name}.{at}" if at else name
