"""How costs read: tables for people, and what these say in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from neurosvt.energy.compare import ModelCost
from neurosvt.energy.costs import COST_TABLES, all_costs


def total_tables(rows: Iterable[Mapping[str, Any]]) -> Iterator[Table]:
    """Totals of the rows of `ModelCost`, a table for every phase."""
    rows = list(rows)
    costs = list(dict.fromkeys((row["table"], row["precision"]) for row in rows))
    for phase in dict.fromkeys(row["phase"] for row in rows):
        title = f"{phase} frames, per frame: operations, and microjoules by cost table"
        table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column("model", no_wrap=True)
        for name in ("MACs", "ACs", "updates", "in view", "steps"):
            table.add_column(name, justify="right")
        for name, precision in costs:
            table.add_column(f"{name.replace('-', chr(10), 1)}\n{precision}", justify="right")
        by_model: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            if row["phase"] == phase:
                by_model.setdefault(row["model"], []).append(row)
        for model, own in by_model.items():
            first = own[0]
            right = "" if first["accuracy"] is None else f"{first['accuracy']:.1%}"
            table.add_row(
                model, *(_short(first[kind]) for kind in ("macs", "acs", "updates")), right,
                f"{first['train_steps']:,}" if first["train_steps"] else "",
                *(_short(1e6 * row["joules_per_frame"]) for row in own),
            )  # fmt: skip
        yield table


def _short(number: float) -> str:
    """Three figures, and a letter for thousands and millions."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{letter}"
    return f"{number:.3g}"


def layer_table(cost: ModelCost) -> Table:
    """One model, layer by layer, in the phase in which it does most."""
    phase, done = next(iter(cost.phases.items()))
    table = Table(title=f"{cost.model}, {phase}, per frame")
    table.add_column("layer")
    kinds = ("macs", "acs", "updates", "adds", "multiplies", "comparisons", "specials", "spikes")
    for kind in kinds:
        table.add_column(kind, justify="right")
    for name, layer in done.layers.items():
        numbers = (getattr(layer, kind) / done.frames for kind in kinds)
        table.add_row(name, *(f"{n:,.1f}" if n else "" for n in numbers))
    return table


def energy_verdict(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the rows say of "neurosvt" beside the others: lines of words."""
    at = {(r["phase"], r["model"], r["table"], r["precision"]): r for r in rows}
    costs = list(dict.fromkeys(key[2:] for key in at))
    for phase, model in dict.fromkeys(key[:2] for key in at):
        if model == "neurosvt" or (phase, "neurosvt", *costs[0]) not in at:
            continue
        saved = []
        for name, precision in costs:
            ours, theirs = (at[phase, m, name, precision] for m in ("neurosvt", model))
            if theirs["joules_per_frame"]:
                share = 1 - ours["joules_per_frame"] / theirs["joules_per_frame"]
                saved.append(f"{share:.2%} ({name} {precision})")
        yield f"{phase} frames, energy saved against {model}: {', '.join(saved)}"
        if phase == "active" and theirs["macs"]:
            share = ours["acs"] / theirs["macs"]
            yield f"active frames, SOPs: {share:.2%} of the multiply-adds of {model}"
    for name, precision in costs:
        table = COST_TABLES[name].get(precision) if name in COST_TABLES else None
        if table is None or table.byte:
            continue  # what spikes move is not told apart
        own, twin = (
            at.get(("active", model, name, precision)) for model in ("neurosvt", "dense-twin")
        )
        if own is not None and twin is not None and own["acs"]:
            margin = twin["joules_per_frame"] - own["joules_per_frame"]
            factor = 1 + margin / own["spike_joules_per_frame"]
            yield (
                f"{name} {precision}: spikes win over the dense twin up to {factor:.3g} times as "
                "many additions and membranes as here"
            )


def costs_table() -> Table:
    """Every cost table, in picojoules an operation, and where it comes from."""
    table = Table(title="picojoules an operation")
    for name in ("table", "precision"):
        table.add_column(name)
    for name in ("MAC", "AC", "update", "byte"):
        table.add_column(name, justify="right")
    table.add_column("source")
    for costs in all_costs():
        numbers = (costs.mac, costs.ac, costs.update, costs.byte)
        table.add_row(costs.name, costs.precision, *(f"{n:g}" for n in numbers), costs.source)
    return table
