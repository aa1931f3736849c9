"""The score table: which models are asked, on what, and how the answers read."""

import argparse
import math
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import nn

from neurosvt.config import UserError
from neurosvt.experiments.checkpoints import Checkpoint
from neurosvt.experiments.registry import RECURRENT
from neurosvt.experiments.runs import Run
from neurosvt.experiments.zoo import RIVALS, behind, load_family, models_of, tau_of, title, usual
from neurosvt.permanence.evaluate import cells, evaluate_cell
from neurosvt.permanence.metrics import Outcomes, best_constant, row
from neurosvt.permanence.tasks import SceneTask, Task

SEEN = 60
"""Frames of a sequence besides the hidden ones, about; for the progress bar."""


@dataclass(frozen=True)
class Plan:
    """What is measured, checked before anything is."""

    run: str
    trained: Mapping[str, Checkpoint]
    """By member of the family, as `load_family` gives them."""
    memories: tuple[str, ...]
    task: Task
    tiers: tuple[str, ...]
    hidden: tuple[int, ...]
    events: int
    state_noise: float
    state_bits: int
    frame_ms: float | None
    """Another frame length than the models were trained at; None for that."""
    blind: bool
    """Whether the object is left out of the scenes."""
    seed: int

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Plan":
        """The plan of `neurosvt permanence`'s options.

        Raises:
            UserError: a memory, tier or number that does not exist or does not fit.
        """
        name = args.run or "permanence"
        named = args.memory is not None
        memories = _words(args.memory, RIVALS, "--memory") if named else usual(name)
        if args.events < 1 or args.seed < 0 or not 0 <= args.state_noise < math.inf:
            raise UserError("--events must be at least 1, --seed and --state-noise not below 0")
        if args.state_bits not in (8, 16, 32):
            raise UserError(f"--state-bits must be 8, 16 or 32, got {args.state_bits}")
        if args.state_bits < 32 and set(memories) - {"leaky", "charge_2"}:
            raise UserError("--state-bits is for leaky memories alone: add --memory leaky")
        trained = load_family(name, memories)
        task = next(iter(trained.values())).run.task("test", args.seed)
        if args.frame_ms is not None:
            if not 1 <= args.frame_ms <= 100:
                raise UserError(f"--frame-ms must lie in 1 to 100, got {args.frame_ms:g}")
            if set(trained) & set(RECURRENT):
                raise UserError(f"--frame-ms: {', '.join(RECURRENT)} know one frame length alone")
            task = task.at(round(1000 * args.frame_ms))
        if args.blind:
            if not isinstance(task, SceneTask):
                raise UserError("--blind: recordings cannot be shown without what they show")
            task = replace(task, scene=replace(task.scene, blind=True))
        tiers = _words(args.tiers, task.known, "--tiers") if args.tiers else task.tiers
        hidden = _lengths(args.hidden)
        if not list(cells(task, hidden, tiers)):
            raise UserError(f"--hidden: {', '.join(tiers)} do not hide anything for so long")
        return cls(
            run=name,
            trained=trained,
            memories=memories,
            task=task,
            tiers=tiers,
            hidden=hidden,
            events=args.events,
            state_noise=args.state_noise,
            state_bits=args.state_bits,
            frame_ms=args.frame_ms,
            blind=args.blind,
            seed=args.seed,
        )

    def command(self) -> str:
        """The command line that measures the same again."""
        words = ["neurosvt", "permanence", self.run, "--tiers", ",".join(self.tiers)]
        words += ["--hidden", ",".join(map(str, self.hidden)), "--memory", ",".join(self.memories)]
        words += ["--events", str(self.events), "--state-noise", f"{self.state_noise:g}"]
        words += [] if self.state_bits == 32 else ["--state-bits", str(self.state_bits)]
        words += [] if self.frame_ms is None else ["--frame-ms", f"{self.frame_ms:g}"]
        words += ["--blind"] if self.blind else []
        return shlex.join([*words, "--seed", str(self.seed)])

    def options(self) -> dict[str, Any]:
        """What every model is called with."""
        options: dict[str, Any] = {"state_noise": self.state_noise}
        if self.state_bits != 32:
            options["state_bits"] = self.state_bits
        if self.frame_ms is not None:
            options["frame_ms"] = self.frame_ms
        return options

    def models(self) -> dict[str, nn.Module]:
        """The models in the order of the table."""
        return models_of(self.trained, self.memories)

    def evaluate_cell(
        self, tier: str, hidden: int, **options: Any
    ) -> dict[str, dict[str, Outcomes]]:
        """What they answer in one cell."""
        return evaluate_cell(
            self.models(), self.task, tier, hidden, self.events, **self.options(), **options
        )


def measure(plan: Plan) -> list[dict[str, Any]]:
    """Rows of every cell: each model's belief and recovery, its score while it saw, and the best
    constant guess."""
    rows: list[dict[str, Any]] = []
    asked = list(cells(plan.task, plan.hidden, plan.tiers))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("judging", total=sum(h + SEEN for _, h in asked) * plan.events)

        def advance(hidden: int, events: int) -> None:
            progress.advance(bar, events * (hidden + SEEN))

        for tier, hidden in asked:
            outcomes = plan.evaluate_cell(tier, hidden, on_batch=partial(advance, hidden))
            rows += rows_of(plan, tier, hidden, outcomes)
    return told_once(rows)


def rows_of(
    plan: Plan, tier: str, hidden: int, outcomes: Mapping[str, Mapping[str, Outcomes]]
) -> list[dict[str, Any]]:
    """The rows of one cell."""
    rows = []
    for memory, by_moment in outcomes.items():
        for moment, found in by_moment.items():
            if moment == "visible":
                rows.append(_row(plan, memory, tier, 0, "belief", found))
            rows.append(_row(plan, memory, tier, hidden, moment, found))
    if plan.blind:
        return rows  # the best constant guess is that of the scenes with their objects
    guess = best_constant(next(iter(outcomes.values()))["belief"])
    return [*rows, _row(plan, "constant", tier, hidden, "belief", guess)]


def told_once(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a single one of 0 hidden frames a tier and model, what it knew while it saw: of the
    first length asked for. Where objects that are hidden for longer move more slowly, so that what
    is seen of them differs, the rows of judgement "visible" tell each length's."""
    varied = ("dataset", "tier", "memory", "frame_ms", "state_noise", "state_bits")
    kept: dict[Any, dict[str, Any]] = {}
    for index, r in enumerate(rows):
        seen = tuple(r[name] for name in varied) if r["hidden_frames"] == 0 else index
        kept.setdefault(seen, r)
    return list(kept.values())


def _row(
    plan: Plan, memory: str, tier: str, hidden: int, judgement: str, outcomes: Outcomes
) -> dict[str, Any]:
    trained = behind(memory, plan.trained)
    return {
        "model": model_named(trained) if trained else "constant",
        "memory": f"{memory}, blind" if plan.blind else memory,
        "tau": tau_of(trained) if trained else None,
        "dataset": plan.task.name,
        "tier": tier,
        "hidden_frames": hidden,
        "frame_ms": plan.task.scene.frame_us / 1000,
        "judgement": judgement,
        **row(outcomes, plan.task.scene.size),
        "seed": plan.seed,
        "state_noise": plan.state_noise,
        "state_bits": plan.state_bits,
        "parameters": trained.model.parameter_count() if trained else 0,
        "train_steps": trained.steps if trained else 0,
    }


def model_named(trained: Checkpoint) -> str:
    """What a row calls the network."""
    return "neurosvt" if isinstance(trained.run, Run) else "recurrent"


def score_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Belief, with its interval, for every model and number of hidden frames; one line a model."""
    rows = [r for r in rows if r["judgement"] == "belief"]
    lengths = sorted({r["hidden_frames"] for r in rows})
    table = Table(title="belief: class and place right at the last hidden frame (95 % interval)")
    table.add_column("tier")
    table.add_column("memory")
    for length in lengths:
        table.add_column("seen" if length == 0 else f"{length} hidden", justify="right")
    lines: dict[tuple[str, str], dict[int, str]] = {}
    told = len({r["train_steps"] for r in rows if r["train_steps"]}) > 1
    for r in rows:
        cell = f"{100 * r['score']:.1f} ({100 * r['low']:.0f}-{100 * r['high']:.0f})"
        name = title(r["memory"], r["tau"])
        if told and r["train_steps"]:
            name += f", {r['train_steps']:,} steps"
        lines.setdefault((r["tier"], name), {})[r["hidden_frames"]] = cell
    for (tier, name), by_length in lines.items():
        table.add_row(tier, name, *(by_length.get(length, "") for length in lengths))
    return table


def _words(text: str, known: Iterable[str], option: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        what = repr(unknown[0]) if unknown else "nothing"
        raise UserError(f"{option}: {what} is unknown; choose from {', '.join(known)}")
    return words


def _lengths(text: str) -> tuple[int, ...]:
    try:
        lengths = tuple(int(word) for word in text.split(","))
    except ValueError:
        lengths = ()
    if not lengths or min(lengths) < 1:
        raise UserError(f"--hidden wants numbers of frames above 0, as in 30,60; got {text!r}")
    return lengths
