"""The part of every batch that one of several processes works off."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor
from torch.utils.data import Dataset

from neurosvt.config import UserError

P = TypeVar("P", bound="Divisible")


@runtime_checkable
class Divisible(Protocol):
    """A batch that can be shared out."""

    def part(self: P, at: int, of: int) -> P:
        """Every `of`-th sample, from number `at` on."""


class Share(Dataset[Any]):
    """Of every batch of a stream, the part of one of several.

    The whole batch is made first: which samples it holds, and how each is changed, is drawn for all
    of them at once, so that many processes learn from the very batches that one would.

    Args:
        stream: of whole batches.
        at, of: number of the part, and how many there are.
    """

    def __init__(self, stream: Dataset[Any], at: int, of: int):
        self.stream, self.at, self.of = stream, at, of

    def __len__(self) -> int:
        return len(self.stream)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Any:
        return divided(self.stream[index], self.at, self.of)


def divided(batch: Any, at: int, of: int) -> Any:
    """A part of a batch.

    Raises:
        UserError: batches of its kind cannot be shared out.
    """
    if of == 1:
        return batch
    if not isinstance(batch, Divisible):
        raise UserError(
            f"a {type(batch).__name__} has no part(at, of): it cannot be trained on in several "
            "processes or passes"
        )
    return batch.part(at, of)


def passes_of(batches: Iterable[Any], passes: int) -> Iterator[Any]:
    """Every batch in as many parts, one after the other."""
    for batch in batches:
        for at in range(passes):
            yield divided(batch, at, passes)


def every(x: Tensor, at: int, of: int, axis: int = 0) -> Tensor:
    """Every `of`-th of an axis, from number `at` on, in memory of its own."""
    return x.transpose(0, axis)[at::of].transpose(0, axis).contiguous()
