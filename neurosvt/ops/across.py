"""A batch of which several processes hold a part each: sums over all of them.

In one process nothing here does anything. In several, whatever is taken over a batch is taken over
the whole of it inside `shared_batch`, and every process has to come by the same sums in the same
order: one that took a way around would be waited for.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, distributed

LOOKING = 0.05
"""Seconds. Whoever waits longer, as for a validation, leaves the core to the others."""

_let_others = getattr(os, "sched_yield", lambda: time.sleep(0))  # which Windows has not

_SHARED: ContextVar[bool] = ContextVar("_SHARED", default=False)


def processes() -> int:
    """How many there are; 1 where none was started with this one."""
    grouped = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if grouped else 1


def rank() -> int:
    """Which of them this is; 0 is the one that writes."""
    return distributed.get_rank() if processes() > 1 else 0


@contextmanager
def shared_batch() -> Iterator[None]:
    """What is computed meanwhile is computed of one batch, of which every process has a part."""
    before = _SHARED.set(processes() > 1)
    try:
        yield
    finally:
        _SHARED.reset(before)


def is_shared() -> bool:
    """Whether what is computed now is a part. A backward pass does not know, and has to be told.

    What is compiled as a whole (torch.compile) is never one: its statistics are those of a process.
    """
    return not torch.compiler.is_compiling() and _SHARED.get()


def sum_across(*parts: Tensor) -> tuple[Tensor, ...]:
    """Each summed over all processes, in one exchange; no gradients."""
    together = torch.cat([part.detach().flatten() for part in parts])
    _all_reduce(together)
    sums = together.split([part.numel() for part in parts])
    return tuple(s.to(p.dtype).view(p.shape) for s, p in zip(sums, parts, strict=True))


def _all_reduce(x: Tensor) -> None:
    """In place. gloo wakes whoever sleeps milliseconds late, which norms would pay dozens of times
    a step: so at first one looks, again and again."""
    work = distributed.all_reduce(x, async_op=True)
    if not x.is_cuda:  # there the stream waits, and nobody else
        until = time.perf_counter() + LOOKING
        while not work.is_completed() and time.perf_counter() < until:
            _let_others()
    work.wait()


def total(x: Tensor) -> Tensor:
    """Summed over all processes; differentiable as often as is wanted."""
    out: Tensor = _Total.apply(x)  # type: ignore[no-untyped-call]
    return out


def anywhere(said: bool, device: torch.device | str = "cpu") -> bool:
    """Whether it is so in any of the processes, if the batch at hand is shared."""
    return any_of([said], device)[0] if is_shared() else said


def any_of(said: list[bool], device: torch.device | str) -> list[bool]:
    """Of each, whether any process says so."""
    if processes() == 1:
        return said
    (sums,) = sum_across(torch.tensor(said, dtype=torch.float32, device=device))
    return [bool(s) for s in sums.tolist()]


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return sum_across(x)[0]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # What each process makes of the sum, all of them owe to every part of it.
        return total(grad)
