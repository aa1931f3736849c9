"""What models cost on the same scenes, side by side."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neurosvt.energy.costs import Costs, joules, moved
from neurosvt.energy.operations import Operations
from neurosvt.energy.phases import PhaseCounts, count_phases, deployed
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import Scenes


@dataclass(frozen=True)
class ModelCost:
    """What one model did on some samples."""

    model: str
    """What rows and tables call it."""
    phases: Mapping[str, PhaseCounts]
    """By name: "active" and "hidden" of scenes, "all" of images and clips."""
    accuracy: float | None = None
    """Share of its classes that are right while it sees; None if that was not judged."""
    train_steps: int = 0
    """For how many steps it was trained; 0 if it was not."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What was varied: further columns of its rows."""

    def rows(self, tables: Iterable[Costs]) -> Iterator[dict[str, Any]]:
        """A flat row for every phase and cost table; numbers are per frame."""
        tables = list(tables)
        for phase, done in self.phases.items():
            total = done.total
            of_spikes = Operations(acs=total.acs, updates=total.updates)
            for table in tables:
                yield {
                    "model": self.model,
                    "phase": phase,
                    "table": table.name,
                    "precision": table.precision,
                    "macs": total.macs / done.frames,
                    "acs": total.acs / done.frames,
                    "updates": total.updates / done.frames,
                    "bytes": moved(total, table) / done.frames,
                    "joules_per_frame": joules(total, table) / done.frames,
                    "spike_joules_per_frame": joules(of_spikes, table) / done.frames,
                    "accuracy": self.accuracy,
                    "train_steps": self.train_steps,
                    "frames": done.frames,
                    "spikes": total.spikes / done.frames,
                    "adds": total.adds / done.frames,
                    "multiplies": total.multiplies / done.frames,
                    "comparisons": total.comparisons / done.frames,
                    "specials": total.specials / done.frames,
                    **self.about,
                }


def compare_energy(
    entrants: Iterable[Entrant],
    scenes: Scenes,
    *,
    accuracies: Mapping[str, float] | None = None,
    about: Mapping[str, Any] | None = None,
) -> list[ModelCost]:
    """Count what every entrant does on the same scenes, each in its deployed form.

    Args:
        entrants: models, called as `_, state = model(frames, state)`.
        scenes: of one occlusion.
        accuracies: by the entrants' names, as far as they were judged.
        about: what the scenes are: further columns of every row.

    Returns:
        One cost an entrant, in their order.

    Raises:
        UserError: an operator whose cost is not known.
    """
    judged = accuracies or {}
    return [
        ModelCost(
            entrant.name,
            count_phases(deployed(entrant.model), scenes),
            judged.get(entrant.name),
            entrant.train_steps,
            dict(about or {}),
        )
        for entrant in entrants
    ]
