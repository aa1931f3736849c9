"""A step of training in two processes of one thread, beside one process of two threads.

Both learn from the same sequences of `permanence_stage1`. Two processes take half of a batch each,
as in `torchrun -m neurosvt train`: norms and gradients are those of all. A step ends when both have
stepped.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import distributed, multiprocessing

from neurosvt.bench.timing import Candidate, on_threads
from neurosvt.bench.training import BATCHES, products_here
from neurosvt.experiments.registry import load_run
from neurosvt.loaders.shares import divided
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective

PROCESSES = 2


def process_candidates() -> Iterator[Candidate]:
    """One process of two threads, two processes of one thread, and one thread alone."""
    run: Any = load_run("permanence_stage1")
    step = partial(
        Candidate, what="train step, permanence", shape=f"batch {run.train.batch}",
        dtype=products_here(run.train.amp),
    )  # fmt: skip
    yield step("2 processes x 1 thread", run=processes_step())
    for threads, name in ((2, "1 process x 2 threads"), (1, "1 process x 1 thread")):
        yield step(name, run=partial(_on, threads, _step(run, 0, 1)))


def processes_step() -> Callable[[], None]:
    """A step of two processes, which are started here and end with this one."""
    context = multiprocessing.get_context("spawn")
    store = tempfile.mkdtemp()
    ends = []
    for rank in range(PROCESSES):
        here, there = context.Pipe()
        worker = context.Process(target=_serve, args=(rank, store, there), daemon=True)
        worker.start()
        ends.append(here)

    def step() -> None:
        for end in ends:
            end.send(None)
        for end in ends:
            end.recv()

    return step


def _serve(rank: int, store: str, end: Connection) -> None:
    """One of the processes: a step whenever it is told."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{store}/store", rank=rank, world_size=PROCESSES
    )
    step = _step(load_run("permanence_stage1"), rank, PROCESSES)
    while True:
        try:
            end.recv()
        except EOFError:
            return
        step()
        end.send(None)


def _step(run: Any, rank: int, world: int) -> Callable[[], None]:
    """A step on every `world`-th sequence of the batches, from `rank` on."""
    torch.manual_seed(0)
    training = Training(NeuroSVT(run.model), run.train)
    objective, stream = BeliefObjective(run.train.state_noise), run.stream()
    batches = itertools.cycle([divided(stream[i], rank, world) for i in range(BATCHES)])
    return lambda: fit(training, [next(batches)], objective)


def _on(threads: int, step: Callable[[], None]) -> None:
    with on_threads(threads):
        step()
