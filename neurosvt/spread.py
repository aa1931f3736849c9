"""Many like parts of work: done here, one after another, or by the workers of a Ray cluster.

A worker that dies is replaced, and the part that it was at is begun again. So a part keeps what it
makes to itself, or goes on from what it finds.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol, TypeVar, runtime_checkable

from neurosvt.config import UserError, first_line

Piece = TypeVar("Piece")
Made = TypeVar("Made")

LOCAL = "local"
"""An address that stands for workers of this machine, one a core."""

RETRIES = 3
"""How often a part is begun again whose worker died."""

VARIABLES = "NEUROSVT_"
"""What the variables that workers are told begin with."""


@runtime_checkable
class Spread(Protocol):
    """The built-in `map` with an index beside each outcome, in whatever order they come."""

    def __call__(
        self, do: Callable[[Piece], Made], parts: Iterable[Piece], /
    ) -> Iterator[tuple[int, Made]]:
        """Do what is asked to every part."""
        ...


def one_by_one(
    do: Callable[[Piece], Made], parts: Iterable[Piece], /
) -> Iterator[tuple[int, Made]]:
    """Here, each when its outcome is asked for."""
    return enumerate(map(do, parts))


def in_order(outcomes: Iterable[tuple[int, Made]]) -> Iterator[Made]:
    """Outcomes in the order of their parts; those that come early wait."""
    early: dict[int, Made] = {}
    wanted = 0
    for index, made in outcomes:
        early[index] = made
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1


@contextmanager
def spread_over(address: str | None, device: str = "cpu") -> Iterator[Spread]:
    """Who does the parts, for as long as the block lasts.

    Args:
        address: None: this process; "local": Ray with a worker a core, started for this, unless it
            runs in this process already; otherwise that of a cluster: "auto", "host:6379", or
            "ray://host:10001". Each of its machines has this package, and sees the same folders.
        device: what a part asks for beside its core: on "cuda", a GPU of its own.

    Raises:
        UserError: Ray is not installed, or no cluster answers there.
    """
    if address is None:
        yield one_by_one
        return
    try:
        import ray
    except ImportError:
        raise UserError("--ray needs Ray: pip install 'neurosvt[ray]'") from None
    own = not ray.is_initialized()
    if own:
        _begin(ray, address)
    try:
        yield _Workers(ray, int(device.startswith("cuda")))
    finally:
        if own:
            ray.shutdown()


def _begin(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"no Ray cluster answers at {address}: {first_line(error)}") from error


class _Workers:
    """Spreads parts over the cores, or the GPUs, of the cluster that this process has joined."""

    def __init__(self, ray: Any, gpus: int):
        self.ray = ray
        self.task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_do)

    def __call__(
        self, do: Callable[[Piece], Made], parts: Iterable[Piece], /
    ) -> Iterator[tuple[int, Made]]:
        ray = self.ray
        shared = ray.put(do)
        variables = {
            name: value for name, value in os.environ.items() if name.startswith(VARIABLES)
        }
        ahead = 2 * int(ray.cluster_resources().get("CPU", 1))
        numbered = enumerate(parts)
        waiting: dict[Any, int] = {}
        try:
            while True:
                for index, part in islice(numbered, ahead - len(waiting)):
                    waiting[self.task.remote(shared, part, variables, os.getcwd())] = index
                if not waiting:
                    return
                (first, *_), _ = ray.wait(list(waiting))
                yield waiting.pop(first), self._outcome(first)
        finally:
            for left in waiting:
                ray.cancel(left)

    def _outcome(self, reference: Any) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            raise UserError(
                f"a worker died at the same part {RETRIES + 1} times; what is done is kept"
            ) from error


def _do(
    do: Callable[[Piece], Made], part: Piece, variables: Mapping[str, str], folder: str
) -> Made:
    """One part, by a worker: where, and told what, its caller is."""
    os.environ.update(variables)
    os.chdir(folder)
    return do(part)
