"""This process and those that were started with it, and what all of them have to agree on.

torchrun, `accelerate launch` and others set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and
MASTER_PORT. Where nobody did, a process is alone, and nothing here does anything.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed, nn

from neurosvt.config import UserError
from neurosvt.experiments.devices import checked_device
from neurosvt.ops.across import processes, rank

PATIENCE = timedelta(hours=2)
"""How long the others wait while the first validates. One that ends is noticed at once."""
_WORDS = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def process_group(device: str | torch.device) -> Iterator[torch.device]:
    """Meanwhile this process is one of those that were started with it; the device that is its own:
    of `cuda`, the GPU of its LOCAL_RANK.

    What goes wrong is told by the first process; the others end without a word, with code 2.

    Raises:
        UserError: there is no such device, or a launcher left something out.
    """
    many = os.environ.get("WORLD_SIZE", "1")
    if many in ("", "1") or distributed.is_initialized():
        yield checked_device(device)
        return
    missing = [word for word in _WORDS if not os.environ.get(word)]
    if missing:
        raise UserError(
            f"WORLD_SIZE is {many}, and {', '.join(missing)} is not set: start with torchrun"
        )
    if str(device) == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    own = checked_device(device)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo", timeout=PATIENCE)
    first = rank() == 0
    try:
        yield own
    except (UserError, OSError, KeyboardInterrupt) as error:
        if first:
            raise
        raise SystemExit(getattr(error, "exit_code", 2)) from error
    finally:
        distributed.destroy_process_group()


@contextmanager
def agreed() -> Iterator[None]:
    """What one process cannot do meanwhile, none goes on after: all raise what the first of them
    raised. It ends for all at the same time.

    Raises:
        UserError, OSError: whatever is raised inside, here or elsewhere.
    """
    failed: Exception | None = None
    try:
        yield
    except (UserError, OSError) as error:
        failed = error
    said: list[str | None] = [str(failed) if failed else None]
    if processes() > 1:
        mine, said = said[0], [None] * processes()
        distributed.all_gather_object(said, mine)
    if failed:
        raise failed
    for line in filter(None, said):
        raise UserError(line)


@torch.no_grad()
def same_everywhere(model: nn.Module) -> None:
    """Give every process the weights and statistics of the first: others may round otherwise."""
    if processes() > 1:
        for tensor in (*model.parameters(), *model.buffers()):
            distributed.broadcast(tensor.detach(), src=0)
