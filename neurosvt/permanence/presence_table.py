"""What models say of presence, as rows and as a table to read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table

from neurosvt.permanence.metrics import CONSTANT, UNTOLD, Outcomes, presence_row
from neurosvt.permanence.moments import SOON, of_unfamiliar

MOMENTS = {
    "visible": "in view",
    "soon": f"{SOON * 10} ms after it left",
    "last": "last hidden frame",
    "always": "every frame",
    of_unfamiliar("visible"): "in view, never trained on",
    of_unfamiliar("last"): "last hidden frame, never trained on",
}
"""When presence is judged, in words, by `moment` of its rows."""


def presence_rows(outcomes: Mapping[str, Outcomes]) -> Iterator[dict[str, Any]]:
    """The figures of presence of one cell of one entrant, a row a moment; none where it says
    nothing of it."""
    for name, found in outcomes.items():
        moment = "last" if name == "belief" else name
        told = found.predicted_presence != UNTOLD
        if moment in MOMENTS and len(told) and told.all():
            yield {"moment": moment, **presence_row(found)}


def presence_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """How often presence is said rightly, for every tier, model, moment and number of hidden
    frames; its caption names those who say nothing of it."""
    rows = list(rows)
    said = [r for r in rows if r["judgement"] == "presence"]
    lengths = sorted({r["hidden_frames"] for r in said})
    table = Table(title="presence: said rightly (95 % interval)")
    for column in ("tier", "memory", "when"):
        table.add_column(column)
    for length in lengths:
        table.add_column(f"{length} hidden", justify="right")
    lines: dict[tuple[str, str, str], dict[int, str]] = {}
    for r in said:
        cell = f"{100 * r['presence_score']:.1f} ({100 * r['low']:.0f}-{100 * r['high']:.0f})"
        line = lines.setdefault((r["tier"], r["memory"], MOMENTS[r["moment"]]), {})
        line[r["hidden_frames"]] = cell
    for names, by_length in lines.items():
        table.add_row(*names, *(by_length.get(length, "") for length in lengths))
    judged = dict.fromkeys(r["memory"] for r in rows if r["model"] != CONSTANT)
    if silent := [name for name in judged if name not in {r["memory"] for r in said}]:
        table.caption = f"without a word on presence: {', '.join(silent)}"
    return table
