"""What the docs say that is no single figure of a row: each phrase with how its numbers come about.

A phrase stands in the docs word for word, `{}` for its numbers; the test computes them.
"""

from collections.abc import Callable

from committed import rows_of
from tables_baselines import mean_of
from tables_models import energy_of
from tables_permanence import is_standard

from neurosvt.energy.costs import COST_TABLES
from neurosvt.models.dysvit import DySViT

Numbers = tuple[float, ...]


def _accuracy(name: str, seeds: tuple[int, ...] = (0, 1, 2)) -> float:
    """Mean test accuracy of an ablation's run over its seeds, in per cent."""
    rows = [r for r in rows_of("ablation") if r["name"] == name and r["seed"] in seeds]
    return 100 * mean_of(rows, "accuracy")


def _saved(model: str, precision: str) -> float:
    """Energy saved on frames in view, in per cent."""
    ours, theirs = (
        energy_of(name, "active", "horowitz-45nm", precision) for name in ("neurosvt", model)
    )
    return 100 * (1 - ours / theirs)


def _twin_hidden() -> Numbers:
    twin, ours = (
        energy_of(name, "hidden", "horowitz-45nm", "int8")
        for name in ("dense-twin-active", "neurosvt")
    )
    return (twin / ours,)


def _constants() -> Numbers:
    """The best constant guess of the standard cells: lowest and highest, in per cent."""
    rows = [r for r in rows_of("permanence") if is_standard(r) and r["memory"] == "constant"]
    shares = [100 * r["score"] for r in rows]
    return min(shares), max(shares)


def _left(name: str) -> Numbers:
    """Of what is known while it is seen, how much is left after 30 and after 300 frames."""
    rows = [r for r in rows_of(name) if r["judgement"] == "belief" and r["memory"] == "leaky"]
    score = {r["hidden_frames"]: r["score"] for r in rows}
    return 100 * score[30] / score[0], 100 * score[300] / score[0]


def _training() -> Numbers:
    """Hours and minutes of the shipped model's training."""
    minutes = rows_of("training_permanence")[-1]["seconds"] / 60
    return minutes // 60, minutes % 60 // 1


def _belief(tier: str, hidden: int) -> float:
    """Belief of the shipped model, in per cent."""
    rows = [r for r in rows_of("permanence") if is_standard(r) and r["memory"] == "leaky"]
    (row,) = (r for r in rows if (r["tier"], r["hidden_frames"]) == (tier, hidden))
    return 100 * row["score"]


def _deployed_parameters() -> int:
    """Of DySViT, without the slope networks."""
    return sum(p.numel() for p in DySViT().deployed().parameters())


DERIVED: dict[str, Callable[[], Numbers]] = {
    "fixed at 2 loses {:.1f} points, at 1 it loses {:.1f}": lambda: (
        _accuracy("slope_5") - _accuracy("slope_2"),
        _accuracy("slope_5") - _accuracy("slope_1"),
    ),
    "Halving the branches is worth {:.1f} points": lambda: (
        _accuracy("token", (0,)) - _accuracy("token_no_scaling", (0,)),
    ),
    "have {:.2f} M parameters when deployed": lambda: (_deployed_parameters() / 1e6,),
    "in {:.0f} of 100 cases": lambda: (_belief("curtain", 60),),
    "{:.2f} % less in fp32, {:.2f} % in int8": lambda: (
        _saved("vit-tiny", "fp32"),
        _saved("vit-tiny", "int8"),
    ),
    "{:.1f} times as dear": _twin_hidden,
    "is right in {:.0f} to {:.0f} %": _constants,
    "{:.0f} % of what it knew is left after 30 frames, and {:.0f} % after 300": lambda: _left(
        "hidden_objects"
    ),
    "{:.0f} hours and {:.0f} minutes": _training,
    "adds {:.2f} pJ for every byte": lambda: (COST_TABLES["memory-once"]["int8"].byte,),
}
"""Phrase to its numbers."""

QUOTED: dict[str, str] = {
    "1,000 a cell": "what a reader is asked to do",
    "The published figure for the protocol is 73.23 %": "the model's published card",
    "the published static baseline of 10.02 %": "the model's published card",
    "(45 nm, Horowitz 2014)": "the cost table's name",
    "(45 nm, 8-bit)": "the cost table's name",
    "darkness of at most 1,200 frames, and of 180 where": "data.hidden of the stages' runs",
    "warm-up 2, Mixup off for the last 3": "SHORT in ablation.py",
    "5,000 images of the training part": "how CIFAR-10 is split",
    "32 MiB of third-level cache": "the machine",
    "no further than 256 in a frame of 64 tokens": "2**8, as bfloat16 counts; patches of the model",
    "16 steps of 8 x 64 x 256 neurons": "the shape of the bench",
    "two sequences of 16 frames": "the shape of the bench",
    "at batch 128": "the shape of the bench",
    "the middle 90 % of rounds": "how bench/timing.py takes low and high",
    "16 sequences": "--samples, in the head's command",
    "A slope fixed at 5": "the run's name",
    "one frame of 50 ms": "the run's name",
    "rows of 1 to 24 neighbours": "how the bench makes its file",
    "within 40 frames counts as 40": "LONGEST_WAIT of permanence/reacquisition.py",
    "100 test recordings of a small subset": "datasets/nmnist.py",
    "frames of 10 ms": "data.frame_us of the runs",
    "95 % intervals": "stats.Z95",
    "noise of 1 % of a threshold": "state_noise of the rows, in thresholds",
}
"""Phrases whose numbers are settings, or were measured by others; and whose they are."""
