"""What the models of a score table do per frame, beside what they know."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table
from torch import nn

from neurosvt.energy.phases import count_phases, deployed
from neurosvt.experiments.zoo import behind
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.score_table import Plan
from neurosvt.scenes.scenes import Scenes

SEQUENCES = 8
"""Over which operations are counted."""


def effort(plan: Plan, tier: str, hidden: int) -> Iterator[dict[str, Any]]:
    """Operations per frame, of each model in each phase of a tier; models as they are deployed.

    What only looks back at the track, a `TrackFit`, is left out.
    """
    scenes = next(iter(plan.task.batches(tier, hidden, SEQUENCES)))
    for memory, model in plan.models().items():
        if isinstance(model, TrackFit):
            continue
        trained = behind(memory, plan.trained)
        assert trained is not None
        for done in phases(model, scenes):
            about = {"memory": memory, "tier": tier, "hidden_frames": hidden}
            size = {"parameters": trained.model.parameter_count(), "train_steps": trained.steps}
            yield {**about, **size, **done}


def phases(model: nn.Module, scenes: Scenes) -> Iterator[dict[str, Any]]:
    """What a model does per frame in each phase of scenes, as it is deployed."""
    for phase, done in count_phases(deployed(model), scenes).items():
        total = done.total
        yield {
            "phase": phase,
            "macs": total.macs / done.frames,
            "acs": total.acs / done.frames,
            "updates": total.updates / done.frames,
        }


def effort_table(rows: Iterable[Mapping[str, Any]]) -> Table:
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
