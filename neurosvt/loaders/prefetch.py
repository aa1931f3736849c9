"""Batches made by another process while the model is busy."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from neurosvt.loaders.shares import Share
from neurosvt.ops.across import processes, rank

_STOPS = ("SIGINT", "SIGTERM", "SIGUSR1")
STOPS = tuple(s for s in signal.Signals if s.name in _STOPS)
"""Signals that stop a training, those that the system knows: Ctrl-C; a machine that is wanted back;
Slurm before its limit, where it is asked to tell (`--signal=USR1@120`)."""


def ahead(stream: Dataset[Any], start: int, workers: int = 1) -> Iterator[Any]:
    """Batches (tuples of tensors and numbers) from `start` on, made by `workers` processes; 0 for
    none.

    Where processes train together each gets its own part of every batch. It has whole batches made,
    so as many workers more as there are processes.
    """
    workers *= processes()
    loader = DataLoader(
        Share(stream, rank(), processes()),
        batch_size=None,
        sampler=range(start, len(stream)),  # type: ignore[arg-type]
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        worker_init_fn=_stand_apart,
        collate_fn=_packed,
        # Its own generator: the loader would draw from, and so disturb, the training's.
        generator=torch.Generator(),
    )
    return map(_unpacked, loader)


@dataclass(frozen=True)
class _Bits:
    """Truth values on their way between processes: memory that both see is dear to fill."""

    packed: Tensor
    shape: torch.Size


def _packed(batch: Any) -> list[Any]:
    made = [
        _Bits(torch.from_numpy(np.packbits(part)), part.shape)
        if isinstance(part, Tensor) and part.dtype == torch.bool
        else part
        for part in batch
    ]
    return [getattr(batch, "_make", tuple), made]


def _unpacked(sent: list[Any]) -> Any:
    make, parts = sent
    return make([_whole(part) if isinstance(part, _Bits) else part for part in parts])


def _whole(bits: _Bits) -> Tensor:
    values = np.unpackbits(bits.packed.numpy(), count=bits.shape.numel())
    return torch.from_numpy(values.view(bool)).reshape(bits.shape)


def _stand_apart(worker: int) -> None:
    """Signals go to the whole group of processes; what they mean is for the trainer to say.

    SIGTERM is not ignored: by it a trainer that fails ends its workers. In a group of its own a
    worker hears no other. One whose trainer is gone ends by itself.
    """
    for number in STOPS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    sys.excepthook = _told


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What goes wrong beside the work, but for connections that end: their other end is a trainer
    that was killed, and nobody has to be told of it by a traceback."""
    if not issubclass(kind, (ConnectionError, EOFError)):
        sys.__excepthook__(kind, error, trace)
