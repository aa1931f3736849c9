"""How much of what is none of its classes a model refuses, and what each threshold costs.

The threshold is what is added to the score of a stranger. It is measured on objects of the classes:
the more of them may be taken for strangers, the more strangers are refused.

Source: Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution
examples in neural networks", ICLR 2017: one score, a threshold, and both kinds of error.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.table import Table
from torch import Tensor

from neurosvt.config import UserError
from neurosvt.experiments.checkpoints import Checkpoint, save_model
from neurosvt.experiments.predictions import predict_recording
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.nn.heads import Heads
from neurosvt.permanence.presence_scores import raised, scores_of_objects
from neurosvt.presence import Presence

LOSSES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of its own objects that a model may refuse; all are tried."""


@dataclass(frozen=True)
class Refusal:
    """A model that tells presence, and how it scores objects of its own classes.

    Args:
        trained: the model.
        own: (N, P) scores of presence of objects of its classes, as validation shows them.
    """

    trained: Checkpoint
    own: Float[Tensor, "N P"]

    @classmethod
    def of(cls, trained: Checkpoint) -> "Refusal":
        """Measured on the validation part of what the model learnt from.

        Raises:
            UserError: it says nothing of presence.
        """
        if not isinstance(getattr(trained.model, "heads", None), Heads):
            raise UserError(f"{trained.name} tells no presence: it refuses nothing")
        run = trained.run
        task, noise = run.task("validation", run.train.seed), run.train.state_noise
        return cls(trained, scores_of_objects(trained.model, task, state_noise=noise))

    def lost(self) -> float:
        """Share of its own objects that the model refuses as it is."""
        return float((self.own.argmax(1) == Presence.STRANGER).float().mean())

    def raised_by(self, lost: float) -> float:
        """What to add to the score of a stranger, so that this share of its own is refused.

        Raises:
            UserError: a share that is none.
        """
        if not 0 <= lost < 1:
            raise UserError(f"a share of what may be lost lies in [0, 1), got {lost:g}")
        return raised(self.own, lost)[Presence.STRANGER]

    def rows(
        self,
        files: Sequence[str | Path],
        losses: Sequence[float] = LOSSES,
        *,
        options: ReadOptions = AS_STATED,
        say: Callable[[str], None] = lambda line: None,
    ) -> Iterator[dict[str, Any]]:
        """What each threshold refuses: `lost` (share of its own), `raised_by` (added to the score),
        `file`, `windows` (with events), `refused` (share of these). The first is as it is.

        Args:
            files: recordings of what is none of its classes.
            losses: shares of its own that may be refused.
            options, say: as of `predict_recording`.

        Raises:
            FileNotFoundError, UserError: as of `predict_recording`; a file without events.
        """
        steps = [(self.lost(), 0.0), *((lost, self.raised_by(lost)) for lost in losses)]
        margins = [(str(file), _margins(self.trained, file, options, say)) for file in files]
        for (lost, by), (file, margin) in product(steps, margins):
            yield {
                "model": self.trained.name, "lost": round(lost, 4), "raised_by": round(by, 3),
                "file": file, "windows": len(margin), "refused": float((margin + by > 0).mean()),
            }  # fmt: skip

    def save(self, lost: float, path: Path) -> None:
        """Write the model with the threshold at which this share of its own is refused."""
        trained, by = self.trained, self.raised_by(lost)
        trained.model.heads.raise_presence(Presence.STRANGER, by)
        so_far = trained.metadata.get("stranger_raised", 0.0)
        metadata = {**trained.metadata, "stranger_raised": so_far + by}
        save_model(path, trained.model, trained.run, metadata)


def refusal_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line a file, a column a threshold."""
    table = Table("refused, of windows with events", title="none of its classes, by threshold")
    table.add_column("windows", justify="right")
    steps = {row["raised_by"]: row["lost"] for row in rows}
    for by, lost in steps.items():
        as_it_is = "as it is" if by == 0 else f"{by:+.2f}"
        table.add_column(f"{as_it_is}\n{lost:.1%} lost", justify="right")
    for file in dict.fromkeys(row["file"] for row in rows):
        told = {row["raised_by"]: row for row in rows if row["file"] == file}
        shares = [f"{told[by]['refused']:.1%}" for by in steps]
        table.add_row(Path(file).name, str(told[0.0]["windows"]), *shares)
    table.caption = "lost: refused of objects of its own classes, in validation"
    return table


def _margins(
    trained: Checkpoint, file: str | Path, options: ReadOptions, say: Callable[[str], None]
) -> np.ndarray:
    """By how much the score of a stranger is ahead of all others, of each window with events."""
    found = []
    for belief in predict_recording(trained.model, file, options=options, say=say):
        if belief.events:
            told = np.log(np.maximum(belief.live.presence_probabilities, 1e-30))
            found.append(told[Presence.STRANGER] - np.delete(told, Presence.STRANGER).max())
    if not found:
        raise UserError(f"{file} has no window with events")
    return np.array(found)
