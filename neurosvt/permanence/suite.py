"""PermanenceBench from beginning to end: cell by cell, going on where it stopped."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch import nn

from neurosvt import __version__
from neurosvt.config import Registry
from neurosvt.files import write_whole
from neurosvt.permanence.figures import draw_calibration, draw_errors, draw_scores
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.questions import REACQUISITION_HIDDEN, SuitePart, answered, questions
from neurosvt.permanence.score_table import as_entrants, check_entrants, merge_seen
from neurosvt.permanence.tasks import SceneTask, Task
from neurosvt.reading import read_json
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.tiers import TIERS
from neurosvt.spread import Spread, one_by_one

SUITE_NOISE = 0.01
"""On every model's state, in thresholds."""


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
                {"state_noise": 0.0, "hidden": (60,)},
                {"state_bits": 16, "hidden": (60,)},
                {"state_bits": 8, "hidden": (60,)},
                {"frame_ms": 5.0, "hidden": (60, 120)},
                {"frame_ms": 20.0, "hidden": (15, 30)},
            ),
        ),
    },
)
"""By the words of `--suite`."""


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
    spread: Spread = one_by_one,
) -> SuiteResult:
    """Judge what is not judged yet.

    Args:
        parts: as `suite_parts` makes them; more may be added.
        folder: keeps every cell in a file, which serves the next call on the same weights and plan.
        on_cell: told after every cell how many are done, of how many; what else is asked, as of
            cost, counts as cells.
        spread: who judges; see `spread_over`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    marks = [fingerprint(part) for part in parts]
    asked = list(questions(parts))
    paths = {q: folder / q.file(parts[q.part].plan.task.name, marks[q.part]) for q in asked}
    missing = [question for question in asked if not paths[question].exists()]
    done = len(asked) - len(missing)
    for index, answer in spread(partial(answered, parts), missing):
        write_whole(paths[missing[index]], json.dumps(answer).encode())
        done += 1
        on_cell(done, len(asked))
    found = {q: read_json(path) for q, path in paths.items()}
    cells = {question: answer for question, answer in found.items() if question.kind == "cell"}
    usual = [answer for question, answer in cells.items() if question.part == 0]
    return SuiteResult(
        scores=merge_seen(row for answer in cells.values() for row in answer["rows"]),
        first=merge_seen(row for answer in usual for row in answer["rows"]),
        calibration=[row for answer in usual for row in answer["calibration"]],
        reacquisition=[
            row for q, rows in found.items() if q.kind == "reacquisition" for row in rows
        ],
        cost=[row for q, rows in found.items() if q.kind == "cost" for row in rows],
        cells=len(cells),
        seconds=sum(answer["seconds"] for answer in cells.values()),
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
