"""What the models of a score table do per frame, beside what they know."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from torch import nn

from neurosvt.energy.phases import deployed
from neurosvt.engine.runner import phase_counts
from neurosvt.nn.modes import in_eval_mode
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.tasks import Task
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import Scenes

COST_SEQUENCES = 8
"""Over which operations are counted."""


def cost_rows(
    entrants: Sequence[Entrant], task: Task, tier: str, hidden: int
) -> Iterator[dict[str, Any]]:
    """Operations per frame, of each entrant in each phase of a tier, as models are deployed.

    What only looks back at the track, a `TrackFit`, is left out.

    Raises:
        UserError: an operator whose cost is not known.
    """
    scenes = next(iter(task.batches(tier, hidden, COST_SEQUENCES)))
    for entrant in entrants:
        if isinstance(entrant.model, TrackFit):
            continue
        for done in phase_rows(entrant.model, scenes):
            yield {
                "memory": entrant.name,
                "tier": tier,
                "hidden_frames": hidden,
                "parameters": entrant.parameter_count(),
                "train_steps": entrant.train_steps,
                **done,
            }


def phase_rows(model: nn.Module, scenes: Scenes) -> Iterator[dict[str, Any]]:
    """What a model does per frame in each phase of scenes, as it is deployed."""
    with in_eval_mode([model]):
        phases = phase_counts(deployed(model), scenes)
    for phase, done in phases.items():
        total = done.total
        yield {
            "phase": phase,
            "macs": total.macs / done.frames,
            "acs": total.acs / done.frames,
            "updates": total.updates / done.frames,
        }


def cost_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """A line for every model."""
    table = Table(title="per frame: multiply-accumulates (MACs) and accumulates of spikes (ACs)")
    table.add_column("memory")
    for column in ("parameters", "trained for", "seen: MACs", "ACs", "hidden: MACs", "ACs"):
        table.add_column(column, justify="right")
    lines: dict[str, list[str]] = {}
    for r in rows:
        about = [f"{r['parameters']:,}", f"{r['train_steps']:,} steps"]
        line = lines.setdefault(r["memory"], about)
        line += [f"{r['macs']:,.0f}", f"{r['acs']:,.0f}"]
    for memory, line in lines.items():
        table.add_row(memory, *line)
    return table
