"""What there is to learn from: data sets by name.

Every loader enters the data sets of its kind, and anybody may enter more while a program runs:

    DATASETS["cups"] = OcclusionData(classes=("cup", "none"), stream=CupStream)
"""

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from neurosvt.config import Registry, UserError


@dataclass(frozen=True)
class TrainingData:
    """What a data set gives to learning; each kind of loader has a kind of its own."""

    holds: ClassVar[str]
    """What a message calls its samples."""
    classes: tuple[str, ...]
    """What a sample may show; a label is an index into it."""


D = TypeVar("D", bound=TrainingData)

DATASETS: Registry[TrainingData] = Registry("data set")
"""By the name that a config's `dataset` says."""


def find_dataset(name: str, kind: type[D]) -> D:
    """The data set of that name.

    Raises:
        UserError: there is none, or its samples are of another kind.
    """
    found = DATASETS[name]
    if isinstance(found, kind):
        return found
    others = ", ".join(other for other, data in DATASETS.items() if isinstance(data, kind))
    raise UserError(
        f"data set {name!r} holds {found.holds}, not {kind.holds}; choose from {others}"
    )
