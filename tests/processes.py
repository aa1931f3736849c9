"""Several processes at once, each a fork of the test's own: nothing to import, and no hanging."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo  # which an optimiser imports: here once, and not in every process
from torch import distributed

PATIENCE = 300
"""Seconds after which processes are ended, and their test fails."""

needs_fork = [
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="the processes are forked"
    ),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def in_processes(folder: Path, work: Callable[[int], Any], many: int = 2) -> list[Any]:
    """What `work(rank)` gives in each of a group of processes, on the CPU."""

    def grouped(rank: int) -> None:
        distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=many
        )
        torch.save(work(rank), folder / f"{rank}.pt")
        distributed.destroy_process_group()

    assert exit_codes(grouped, many) == [0] * many
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(many)]


def launched(work: Callable[[int], Any], many: int = 2) -> list[int | None]:
    """Exit codes of processes that are told of each other as a launcher tells them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def told(rank: int) -> None:
        words = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": many, "MASTER_PORT": port}
        os.environ |= {word: str(number) for word, number in words.items()}
        os.environ["MASTER_ADDR"] = "127.0.0.1"
        work(rank)

    return exit_codes(told, many)


def exit_codes(work: Callable[[int], Any], many: int) -> list[int | None]:
    """How each process ended that ran `work(rank)`; minus the signal, if by one."""
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=_alone, args=(work, rank)) for rank in range(many)]
    for process in started:
        process.start()
    end = time.monotonic() + PATIENCE
    for process in started:
        process.join(max(0.0, end - time.monotonic()))
    codes = [process.exitcode for process in started]
    for process in started:
        process.kill()
        process.join()
    assert None not in codes, f"not within {PATIENCE} s: {codes}"
    return codes


def _alone(work: Callable[[int], Any], rank: int) -> None:
    torch.set_num_threads(1)
    work(rank)
