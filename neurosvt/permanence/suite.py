"""PermanenceBench from beginning to end: cell by cell, going on where it stopped."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import nn

from neurosvt import __version__
from neurosvt.config import Registry
from neurosvt.files import write_whole
from neurosvt.nn.modes import in_eval_mode
from neurosvt.permanence.cost import cost_rows
from neurosvt.permanence.figures import draw_calibration, draw_errors, draw_scores
from neurosvt.permanence.metrics import reliability
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.reacquisition import measure_reacquisition
from neurosvt.permanence.score_table import (
    as_entrants,
    cell_rows,
    check_entrants,
    entrant_outcomes,
    merge_seen,
)
from neurosvt.permanence.tasks import SceneTask, Task
from neurosvt.results.entrant import Entrant
from neurosvt.results.rows import load_or_compute, plain
from neurosvt.scenes.tiers import TIERS

SUITE_NOISE = 0.01
"""On every model's state, in thresholds."""

REACQUISITION_TIERS = ("blackout", "curtain", "gripper")
"""Tiers in which it is counted how much has to be seen again."""

REACQUISITION_HIDDEN = 60
"""Hidden frames before that."""

REACQUISITION_EVENTS = 200
"""At most."""

COST_CELL = ("curtain", 60)
"""Tier and hidden frames in which operations are counted."""


@dataclass(frozen=True)
class Suite:
    """How much is asked."""

    hidden: tuple[int, ...]
    """Numbers of hidden frames."""
    events: int
    """Occlusion events per cell."""
    varied: tuple[Mapping[str, Any], ...] = ()
    """Plans on which the first entrant is judged once more: what each changes."""


SUITES: Registry[Suite] = Registry(
    "suite",
    {
        "quick": Suite((30, 60), 200, ({"blind": True, "hidden": (60,)},)),
        "full": Suite(
            (30, 60, 120, 300, 1000),
            1000,
            (
                {"blind": True, "hidden": (60,)},
                {"state_noise": 0.0},
                {"state_bits": 16},
                {"state_bits": 8},
                {"frame_ms": 5.0, "hidden": (60, 120)},
                {"frame_ms": 20.0, "hidden": (15, 30)},
            ),
        ),
    },
)
"""By the words of `--suite`."""


@dataclass(frozen=True)
class SuitePart:
    """Entrants and what they are asked."""

    entrants: tuple[Entrant, ...]
    plan: PermanencePlan


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found, as flat rows."""

    scores: list[dict[str, Any]]
    """As `evaluate_permanence` gives them, of all parts."""
    first: list[dict[str, Any]]
    """Those of the first part: what tables and figures show."""
    calibration: list[dict[str, Any]]
    """Of the first entrant: confidence beside the share that is right."""
    reacquisition: list[dict[str, Any]] = field(default_factory=list)
    """How much has to be seen again."""
    cost: list[dict[str, Any]] = field(default_factory=list)
    """Operations per frame."""
    cells: int = 0
    seconds: float = 0.0
    """Of judging the cells, those of earlier calls included."""

    def rows(self) -> list[dict[str, Any]]:
        """All of it; what is no score says in `judgement` what it is."""
        further = {
            "calibration": self.calibration,
            "reacquisition": self.reacquisition,
            "cost": self.cost,
        }
        told = ({"judgement": what, **row} for what, rows in further.items() for row in rows)
        return [*self.scores, *told]


def suite_parts(
    suite: Suite,
    entrants: Iterable[nn.Module | Entrant],
    task: Task,
    tiers: tuple[str, ...] | None = None,
) -> list[SuitePart]:
    """All entrants on one plan, then the first of them on the varied ones that fit the task.

    Where nobody names tiers they are those of the task, and of made-up scenes all of presence.

    Raises:
        UserError: an entrant or tier that does not fit.
    """
    entered = as_entrants(entrants)
    if tiers is None and isinstance(task, SceneTask):
        tiers = tuple(dict.fromkeys((*task.tiers, *filter(judges_presence, TIERS))))
    usual: dict[str, Any] = {
        "hidden": suite.hidden,
        "events": suite.events,
        "state_noise": SUITE_NOISE,
    }
    parts = [SuitePart(entered, PermanencePlan(task, tiers, **usual))]
    of_belief = not all(map(judges_presence, parts[0].plan.judged_tiers))
    for changes in suite.varied:
        if not changes.get("blind") or (isinstance(task, SceneTask) and of_belief):
            plan = PermanencePlan(task, tiers, **(usual | dict(changes)))
            parts.append(SuitePart(entered[:1], plan))
    for part in parts:
        check_entrants(part.entrants, part.plan)
    return parts


def run_suite(
    parts: Sequence[SuitePart],
    folder: Path,
    on_cell: Callable[[int, int], None] = lambda done, of: None,
) -> SuiteResult:
    """Judge what is not judged yet.

    Args:
        parts: as `suite_parts` makes them; more may be added.
        folder: keeps every cell in a file, which serves the next call on the same weights and plan.
        on_cell: told after every cell how many are done, of how many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    marks = [fingerprint(part) for part in parts]
    total = [
        (part, mark, *cell)
        for part, mark in zip(parts, marks, strict=True)
        for cell in part.plan.cells()
    ]
    records = []
    for done, (part, mark, tier, hidden) in enumerate(total, 1):
        records.append(_cell(folder, part, mark, tier, hidden))
        on_cell(done, len(total))
    first, mark = parts[0], marks[0]
    tiers = first.plan.judged_tiers
    reacquired = [
        row
        for tier in REACQUISITION_TIERS
        if tier in tiers and isinstance(first.plan.task, SceneTask)
        for row in _reacquisition(folder, first, mark, tier)
    ]
    cost: list[dict[str, Any]] = []
    if COST_CELL[0] in tiers:
        task = first.plan.judged_task
        cost = load_or_compute(
            folder / f"cost_{mark}.json", lambda: cost_rows(first.entrants, task, *COST_CELL)
        )
    usual = [record for record, (part, *_) in zip(records, total, strict=True) if part is first]
    return SuiteResult(
        scores=merge_seen(row for record in records for row in record["rows"]),
        first=merge_seen(row for record in usual for row in record["rows"]),
        calibration=[row for record in usual for row in record["calibration"]],
        reacquisition=reacquired,
        cost=cost,
        cells=len(total),
        seconds=sum(record["seconds"] for record in records),
    )


def draw_suite(result: SuiteResult, folder: Path) -> None:
    """Figures of the first part: score and position error against hidden frames, calibration; none
    where presence alone was asked."""
    if not result.calibration:
        return
    draw_scores(folder / "score.svg", result.first)
    draw_errors(folder / "place_error.svg", result.first)
    draw_calibration(folder / "calibration.svg", result.calibration)


def reacquisition_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """A line for every tier and model."""
    title = "until the class is right three frames on end, after {} hidden frames"
    table = Table(title=title.format(REACQUISITION_HIDDEN))
    for column in ("tier", "memory", "right at once", "frames", "events"):
        table.add_column(column, justify="left" if column in ("tier", "memory") else "right")
    for r in rows:
        table.add_row(
            r["tier"], r["memory"], f"{r['right_at_once']:.0%}", f"{r['frames_mean']:.1f}",
            f"{r['events_mean']:.0f}",
        )  # fmt: skip
    return table


def fingerprint(part: SuitePart) -> str:
    """What tells apart cells that are asked otherwise, or of other weights: 12 hex digits.

    A model counts by its layers, their settings and the bytes of its weights. A `StepModel` of a
    bare function is told apart by that function's address, so its cells do not outlive a process.
    """
    plan = part.plan
    asked = (__version__, plan.events, plan.options(), plan.judged_task)
    told = hashlib.sha256(repr(asked).encode())
    for entrant in part.entrants:
        who = (entrant.name, entrant.kind, entrant.tau, entrant.train_steps)
        settings = [getattr(module, "config", None) for module in entrant.model.modules()]
        told.update(repr((who, entrant.parameter_count(), entrant.model, settings)).encode())
        for name, tensor in entrant.model.state_dict().items():
            values = tensor.detach().cpu().contiguous()
            told.update(repr((name, values.dtype, tuple(values.shape))).encode())
            told.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return told.hexdigest()[:12]


def _cell(folder: Path, part: SuitePart, mark: str, tier: str, hidden: int) -> dict[str, Any]:
    """One cell, from its file if it is there and of the same models and plan."""
    path = folder / f"{part.plan.task.name}_{tier}_{hidden}_{mark}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    begun = time.perf_counter()
    outcomes = entrant_outcomes(part.entrants, part.plan, tier, hidden)
    first = part.entrants[0].name
    record = {
        "rows": plain(cell_rows(part.entrants, part.plan, tier, hidden, outcomes)),
        "calibration": plain(
            {"memory": first, "tier": tier, "hidden_frames": hidden, **row}
            for row in ([] if judges_presence(tier) else reliability(outcomes[first]["belief"]))
        ),
        "seconds": time.perf_counter() - begun,
    }
    write_whole(path, json.dumps(record).encode())
    return record


def _reacquisition(folder: Path, part: SuitePart, mark: str, tier: str) -> list[dict[str, Any]]:
    """How much has to be seen again, from its file if it is there."""

    def measured() -> Iterator[dict[str, Any]]:
        task, plan = part.plan.judged_task, part.plan
        assert isinstance(task, SceneTask)
        models = {entrant.name: entrant.model for entrant in part.entrants}
        events = min(plan.events, REACQUISITION_EVENTS)
        with in_eval_mode(models.values()):
            found = measure_reacquisition(
                models, task, tier, REACQUISITION_HIDDEN, events, **plan.options()
            )
        for memory, one in found.items():
            about = {"memory": memory, "tier": tier, "hidden_frames": REACQUISITION_HIDDEN}
            yield {**about, **one.row()}

    return load_or_compute(folder / f"reacquisition_{tier}_{mark}.json", measured)
