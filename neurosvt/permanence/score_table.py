"""The score table: models judged on a plan, as rows and as a table to read.

Axes: E events (one occlusion of one object each).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import Parameter, signature
from typing import Any

from rich.table import Table
from torch import nn

from neurosvt.config import UserError
from neurosvt.nn.modes import in_eval_mode
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.metrics import CONSTANT, Outcomes, best_constant, row
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.presence_table import presence_rows, presence_table
from neurosvt.results.entrant import Entrant

SEEN_FRAMES = 60
"""Frames of a sequence besides the hidden ones, about; for a progress bar."""

Entrants = nn.Module | Entrant | Iterable[nn.Module | Entrant]
"""Whom PermanenceBench takes: one model or several, under their own names or under given ones."""


def evaluate_permanence(
    entrants: Entrants,
    plan: PermanencePlan | None = None,
    *,
    on_batch: Callable[[int, int], None] = lambda done, of: None,
) -> list[dict[str, Any]]:
    """Judge models on PermanenceBench: does each still know what it cannot see?

    Every model is shown the same sequences, in eval mode, with the same noise on its state. What a
    model answers does not depend on who stands beside it.

    Args:
        entrants: one model or several. A model is called as `belief, state = model(frames, state,
            state_noise=...)`; `StepModel` makes one of a function of a frame.
        plan: what is asked; None for everything that made-up scenes have.
        on_batch: told after every batch how many frames are done, of how many, about.

    Returns:
        Flat rows: of every model and cell its "visible", "belief" and "recovery" judgement, its
        belief at 0 hidden frames, and the best constant guess beside it; and what it says of
        "presence", a row a `moment`, which is all that tiers of presence ask.

    Raises:
        UserError: two entrants of one name, or a model that cannot be judged on such a plan.
    """
    plan = PermanencePlan() if plan is None else plan
    entered = as_entrants(entrants)
    check_entrants(entered, plan)
    asked = list(plan.cells())
    total = plan.events * sum(hidden + SEEN_FRAMES for _, hidden in asked)
    rows: list[dict[str, Any]] = []
    done = 0
    for tier, hidden in asked:

        def advance(events: int, frames: int = hidden + SEEN_FRAMES) -> None:
            nonlocal done
            done += events * frames
            on_batch(done, total)

        rows += cell_rows(
            entered, plan, tier, hidden, entrant_outcomes(entered, plan, tier, hidden, advance)
        )
    return merge_seen(rows)


def as_entrants(entrants: Entrants) -> tuple[Entrant, ...]:
    """Models as entrants; one that is none yet is called as its class is.

    Raises:
        UserError: no entrant, or two of one name.
    """
    given = [entrants] if isinstance(entrants, nn.Module | Entrant) else list(entrants)
    entered = tuple(
        one
        if isinstance(one, Entrant)
        else Entrant(type(one).__name__, one, kind=type(one).__name__.lower())
        for one in given
    )
    names = [one.name for one in entered]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"two entrants are called {twice[0]!r}: Entrant(name, model) tells them apart"
        )
    if not entered:
        raise UserError("there is no entrant to judge")
    return entered


def check_entrants(entrants: Sequence[Entrant], plan: PermanencePlan) -> None:
    """Refuse a plan with something that a model does not know, before anything is judged.

    Raises:
        UserError: it names the option and the entrant.
    """
    for option in ("state_bits", "frame_ms"):
        for entrant in entrants:
            if option in plan.options() and not _takes(entrant.model, option):
                raise UserError(f"{option}: {entrant.name} takes none; judge it without")


def _takes(model: nn.Module, option: str) -> bool:
    """Whether a model is called with an option; one that hands options on asks its own models."""
    parameters = signature(model.forward).parameters.values()
    if any(p.name == option for p in parameters):
        return True
    hands_on = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    return hands_on and all(_takes(child, option) for child in model.children())


def entrant_outcomes(
    entrants: Sequence[Entrant],
    plan: PermanencePlan,
    tier: str,
    hidden: int,
    on_batch: Callable[[int], None] = lambda events: None,
) -> dict[str, dict[str, Outcomes]]:
    """What every entrant answers in one cell of a plan: as `evaluate_cell`, by name."""
    models = {entrant.name: entrant.model for entrant in entrants}
    with in_eval_mode(models.values()):
        return evaluate_cell(
            models, plan.judged_task, tier, hidden, plan.events,
            on_batch=on_batch, **plan.options(),
        )  # fmt: skip


def cell_rows(
    entrants: Sequence[Entrant],
    plan: PermanencePlan,
    tier: str,
    hidden: int,
    outcomes: Mapping[str, Mapping[str, Outcomes]],
) -> list[dict[str, Any]]:
    """The rows of one cell, from what `entrant_outcomes` gives."""
    rows, size = [], plan.judged_task.scene.side
    for entrant in entrants:
        about = partial(_about, entrant, plan, tier)
        found = outcomes[entrant.name]
        for judgement, one in () if judges_presence(tier) else found.items():
            figures = row(one, size)
            if judgement == "visible":
                rows.append(about(0, "belief", figures))
            rows.append(about(hidden, judgement, figures))
        if not plan.blind:  # then nothing is hidden, and nothing there
            rows += [about(hidden, "presence", figures) for figures in presence_rows(found)]
    if plan.blind or judges_presence(tier):
        return rows  # the best constant guess is that of the scenes with their objects
    guess = best_constant(next(iter(outcomes.values()))["belief"])
    return [*rows, _about(None, plan, tier, hidden, "belief", row(guess, size))]


def merge_seen(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a single one of 0 hidden frames a tier and model, what it knew while it saw: of the
    first length asked for. Where objects that are hidden for longer move more slowly, so that what
    is seen of them differs, the rows of judgement "visible" tell each length's."""
    varied = ("dataset", "tier", "memory", "frame_ms", "state_noise", "state_bits")
    kept: dict[Any, dict[str, Any]] = {}
    for index, r in enumerate(rows):
        seen = tuple(r[name] for name in varied) if r["hidden_frames"] == 0 else index
        kept.setdefault(seen, r)
    return list(kept.values())


def _about(
    entrant: Entrant | None,
    plan: PermanencePlan,
    tier: str,
    hidden: int,
    judgement: str,
    figures: Mapping[str, Any],
) -> dict[str, Any]:
    """A row of one entrant; of the best constant guess where there is none."""
    task = plan.judged_task
    name = entrant.name if entrant else CONSTANT
    return {
        "model": entrant.kind if entrant else CONSTANT,
        "memory": f"{name}, blind" if plan.blind else name,
        "tau": entrant.tau if entrant else None,
        "dataset": task.name,
        "tier": tier,
        **({} if plan.seen is None else {"seen_frames": plan.seen}),
        "hidden_frames": hidden,
        "frame_ms": task.scene.frame_us / 1000,
        "judgement": judgement,
        **figures,
        "seed": task.seed,
        "state_noise": plan.state_noise,
        "state_bits": plan.state_bits,
        "parameters": entrant.parameter_count() if entrant else 0,
        "train_steps": entrant.train_steps if entrant else 0,
    }


def row_title(memory: str, tau: float | None) -> str:
    """What a table calls a row: its memory, and the time constant where it has one.

    >>> row_title("lif_20", 20.0)
    'lif tau 20.0'
    """
    return memory if tau is None else f"{memory.partition('_')[0]} tau {tau}"


def tables_of(rows: Iterable[Mapping[str, Any]]) -> list[Table]:
    """What people read of rows: the table of belief, and that of presence where some tier asks for
    nothing else."""
    rows = list(rows)
    tables = [score_table(rows)] if any(r["judgement"] == "belief" for r in rows) else []
    if any(judges_presence(r["tier"]) for r in rows):
        tables.append(presence_table(rows))
    return tables


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
    trained_apart = len({r["train_steps"] for r in rows if r["train_steps"]}) > 1
    for r in rows:
        cell = f"{100 * r['score']:.1f} ({100 * r['low']:.0f}-{100 * r['high']:.0f})"
        name = row_title(r["memory"], r["tau"])
        if trained_apart and r["train_steps"]:
            name += f", {r['train_steps']:,} steps"
        lines.setdefault((r["tier"], name), {})[r["hidden_frames"]] = cell
    for (tier, name), by_length in lines.items():
        table.add_row(tier, name, *(by_length.get(length, "") for length in lengths))
    return table
