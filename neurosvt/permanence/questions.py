"""What a suite asks of one of its parts at a time, and keeps in a file of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neurosvt.nn.modes import in_eval_mode
from neurosvt.permanence.cost import cost_rows
from neurosvt.permanence.metrics import reliability
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.reacquisition import measure_reacquisition
from neurosvt.permanence.score_table import cell_rows, entrant_outcomes
from neurosvt.permanence.tasks import SceneTask
from neurosvt.results.entrant import Entrant
from neurosvt.results.rows import plain

REACQUISITION_TIERS = ("blackout", "curtain", "gripper")
"""Tiers in which it is counted how much has to be seen again."""

REACQUISITION_HIDDEN = 60
"""Hidden frames before that."""

REACQUISITION_EVENTS = 200
"""At most."""

COST_CELL = ("curtain", 60)
"""Tier and hidden frames in which operations are counted."""


@dataclass(frozen=True)
class SuitePart:
    """Entrants and what they are asked."""

    entrants: tuple[Entrant, ...]
    plan: PermanencePlan


@dataclass(frozen=True)
class Question:
    """What is asked of one part."""

    part: int
    """Its index."""
    kind: Literal["cell", "reacquisition", "cost"]
    """What is judged or counted."""
    tier: str
    """What hides the object."""
    hidden: int
    """For how many frames."""

    def file(self, task: str, mark: str) -> str:
        """Its name in the folder of a suite."""
        names = {"cell": f"{task}_{self.tier}_{self.hidden}", "cost": "cost"}
        return f"{names.get(self.kind, f'{self.kind}_{self.tier}')}_{mark}.json"


def questions(parts: Sequence[SuitePart]) -> Iterator[Question]:
    """The cells of all parts, then what else is asked of the first."""
    for number, part in enumerate(parts):
        yield from (Question(number, "cell", *cell) for cell in part.plan.cells())
    tiers = parts[0].plan.judged_tiers
    if isinstance(parts[0].plan.task, SceneTask):
        for tier in filter(tiers.__contains__, REACQUISITION_TIERS):
            yield Question(0, "reacquisition", tier, REACQUISITION_HIDDEN)
    if COST_CELL[0] in tiers:
        yield Question(0, "cost", *COST_CELL)


def answered(parts: Sequence[SuitePart], question: Question) -> Any:
    """What JSON can hold: of a cell its `rows`, those of its `calibration` and the `seconds` that
    judging took; of other kinds rows."""
    part = parts[question.part]
    return _ANSWERS[question.kind](part, question.tier, question.hidden)


def _cell(part: SuitePart, tier: str, hidden: int) -> dict[str, Any]:
    """Rows of scores, those of calibration, and how long judging took."""
    begun = time.perf_counter()
    outcomes = entrant_outcomes(part.entrants, part.plan, tier, hidden)
    first = part.entrants[0].name
    return {
        "rows": plain(cell_rows(part.entrants, part.plan, tier, hidden, outcomes)),
        "calibration": plain(
            {"memory": first, "tier": tier, "hidden_frames": hidden, **row}
            for row in ([] if judges_presence(tier) else reliability(outcomes[first]["belief"]))
        ),
        "seconds": time.perf_counter() - begun,
    }


def _reacquisition(part: SuitePart, tier: str, hidden: int) -> list[dict[str, Any]]:
    """How much has to be seen again."""
    task, plan = part.plan.judged_task, part.plan
    assert isinstance(task, SceneTask)
    models = {entrant.name: entrant.model for entrant in part.entrants}
    events = min(plan.events, REACQUISITION_EVENTS)
    with in_eval_mode(models.values()):
        found = measure_reacquisition(models, task, tier, hidden, events, **plan.options())
    return plain(
        {"memory": memory, "tier": tier, "hidden_frames": hidden, **one.row()}
        for memory, one in found.items()
    )


def _cost(part: SuitePart, tier: str, hidden: int) -> list[dict[str, Any]]:
    """Operations per frame."""
    return plain(cost_rows(part.entrants, part.plan.judged_task, tier, hidden))


_ANSWERS: dict[str, Callable[[SuitePart, str, int], Any]] = {
    "cell": _cell,
    "reacquisition": _reacquisition,
    "cost": _cost,
}
