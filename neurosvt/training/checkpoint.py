"""Checkpoints: tensors and a few facts in one safetensors file, written whole or not at all.

No pickle: a checkpoint from a stranger can be wrong, but it cannot run anything. A digest of the
whole tells what a disk has turned since.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from neurosvt.config import UserError
from neurosvt.files import write_whole
from neurosvt.reading import parsed_json

FORMER_NAMES = {"memory.start": "memory.token", "model.memory.start": "model.memory.token"}
"""Tensors that older versions called otherwise."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able facts; the file is replaced in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    facts = json.dumps(metadata)
    # Not safetensors' save_file, whose files nobody but their owner may read.
    write_whole(path, serialize(contiguous, {"facts": facts, "sha256": _digest(contiguous, facts)}))


def _digest(tensors: Mapping[str, Tensor], facts: str) -> str:
    """Of all that a checkpoint holds."""
    return hashlib.sha256(serialize(dict(tensors)) + facts.encode()).hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, by their names of today, and metadata of a file that `write_tensors` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: the file is cut, is something else, or its digest, where it has one, is not that
            of what it holds.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
            metadata = parsed_json(told["facts"], "its head")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, UserError) as error:
        raise UserError(f"{path} is cut or is no checkpoint of neurosvt ({error})") from error
    if told.get("sha256", digest := _digest(tensors, told["facts"])) != digest:
        raise UserError(f"{path} is damaged: its digest is not that of what it holds")
    return {FORMER_NAMES.get(name, name): tensor for name, tensor in tensors.items()}, metadata


def optimizer_tensors(optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The state of optimisers as named tensors, `index.key`; all parameters in one count."""
    tensors: dict[str, Tensor] = {}
    for first, optimizer in _counted(optimizers):
        for i, entry in optimizer.state_dict()["state"].items():
            tensors |= {f"{first + i}.{key}": torch.as_tensor(t) for key, t in entry.items()}
    return tensors


def restore_optimizers(
    optimizers: Sequence[torch.optim.Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """The inverse of `optimizer_tensors`; hyper-parameters are the optimisers' own."""
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        states.setdefault(int(index), {})[key] = tensor
    for first, optimizer in _counted(optimizers):
        mine = range(first, first + _size(optimizer))
        state = {i - first: entry for i, entry in states.items() if i in mine}
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def check_optimizers(
    optimizers: Sequence[torch.optim.Optimizer], tensors: Mapping[str, Tensor], source: str
) -> None:
    """Refuse a state that `restore_optimizers` could take, and no training could go on from.

    Raises:
        UserError: there is none, it is of no parameter that there is or of another shape, or holds
            numbers that are not finite.
    """
    parameters = {
        first + i: parameter
        for first, optimizer in _counted(optimizers)
        for i, parameter in enumerate(p for g in optimizer.param_groups for p in g["params"])
    }
    if not tensors:
        raise UserError(f"{source} lacks the optimiser's state: training cannot go on from it")
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        own = parameters.get(int(index)) if index.isdecimal() else None
        if own is None or not key:
            raise UserError(f"{source} does not fit: its optimiser has unknown {name!r}")
        if tensor.dim() and tensor.shape != own.shape:
            shapes = f"{tuple(tensor.shape)}, its parameter {tuple(own.shape)}"
            raise UserError(f"{source} does not fit: the optimiser's {name!r} is {shapes}")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(f"{source}: the optimiser's {name!r} holds numbers that are not finite")


def _counted(
    optimizers: Sequence[torch.optim.Optimizer],
) -> Iterator[tuple[int, torch.optim.Optimizer]]:
    """Each with the number of parameters before its own."""
    first = 0
    for optimizer in optimizers:
        yield first, optimizer
        first += _size(optimizer)


def _size(optimizer: torch.optim.Optimizer) -> int:
    return sum(len(group["params"]) for group in optimizer.param_groups)
