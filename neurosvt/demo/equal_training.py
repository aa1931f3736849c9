"""How the baselines compare where all were trained for as long: a table that the demo shows.

Its rows are those of benchmarks/results/baselines.json; benchmarks/equal_training.py copies them.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from rich.table import Table

from neurosvt.experiments.zoo import BASELINES


@dataclass(frozen=True)
class EqualScore:
    """Belief of one model in one tier, over several trainings."""

    memory: str
    """A key of `BASELINES`."""
    tier: str
    hidden_frames: int
    score: float
    """Mean of the seeds."""
    lowest: float
    highest: float
    seeds: int
    """Of training."""
    events: int
    """Occlusion events a seed was judged on."""
    train_steps: int

    def text(self) -> str:
        """In per cent; with the lowest and highest seed where there are several.

        >>> EqualScore("gru", "tunnel", 60, 0.6573, 0.642, 0.686, 3, 500, 1200).text()
        '65.7 % (64-69)'
        """
        spread = f" ({100 * self.lowest:.0f}-{100 * self.highest:.0f})" if self.seeds > 1 else ""
        return f"{100 * self.score:.1f} %{spread}"


def read_equal_training() -> list[EqualScore]:
    """The committed scores, in the order of their file."""
    text = files(__package__).joinpath("equal_training.csv").read_text(encoding="utf-8")
    return [
        EqualScore(
            r["memory"], r["tier"], int(r["hidden_frames"]), float(r["score"]), float(r["lowest"]),
            float(r["highest"]), int(r["seeds"]), int(r["events"]), int(r["train_steps"]),
        )
        for r in csv.DictReader(text.splitlines())
    ]  # fmt: skip


def equal_title(scores: Sequence[EqualScore]) -> str:
    """What was equal, in a sentence."""
    one = scores[0]
    return (
        f"At equal training, {one.train_steps:,} steps each on the same scenes: belief after "
        f"{one.hidden_frames} hidden frames, {one.events} events a cell, mean of seeds (lowest to "
        "highest)"
    )


def equal_grid(scores: Sequence[EqualScore]) -> tuple[list[str], list[list[str]]]:
    """Tiers, and a line a model: its name, what it is, its score in each tier."""
    tiers = list(dict.fromkeys(one.tier for one in scores))
    lines = []
    for memory in dict.fromkeys(one.memory for one in scores):
        texts = {one.tier: one.text() for one in scores if one.memory == memory}
        baseline = BASELINES[memory]
        lines.append([baseline.label, baseline.about, *(texts[tier] for tier in tiers)])
    return tiers, lines


def equal_table(scores: Sequence[EqualScore]) -> Table:
    """The same for a terminal."""
    tiers, lines = equal_grid(scores)
    table = Table(title=equal_title(scores))
    table.add_column("model")
    for tier in tiers:
        table.add_column(tier, justify="right")
    for label, _, *texts in lines:
        table.add_row(label, *texts)
    return table
