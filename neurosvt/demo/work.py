"""What the models of the demo do per frame, as rows and as facts in words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from neurosvt.energy.phases import PhaseCounts
from neurosvt.engine.runner import phase_counts
from neurosvt.experiments.zoo import BASELINES, CONSTANT_ABOUT
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.permanence.baselines.latch import Latch
from neurosvt.permanence.score_table import row_title
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import Scenes

CONSTANT_TITLE = "best constant guess"
"""What the page calls the row of that name."""


def work_rows(entrant: Entrant, scenes: Scenes, tier: str, noise_hz: float) -> list[dict[str, Any]]:
    """What a model does per frame and sequence while the object is seen and while it is hidden.

    Of a latch, what its network does.
    """
    network = entrant.model.model if isinstance(entrant.model, Latch) else entrant.model
    return [
        {
            "model": entrant.kind,
            "memory": entrant.name,
            "tier": tier,
            "phase": phase,
            "noise_hz": noise_hz,
            "spikes_per_frame": done.total.spikes / done.frames,
            "synops_per_frame": done.total.acs / done.frames,
            "touched_tokens_per_frame": _rows_into(done, "embed.project") / done.frames,
            "working_tokens_per_frame": _rows_into(done, "blocks.0.attention.qkv") / done.frames,
            "frames": done.frames,
        }
        for phase, done in phase_counts(network, scenes).items()
    ]


def _rows_into(phase: PhaseCounts, layer: str) -> int:
    """Tokens that came into a layer, whatever its model is a part of."""
    return sum(done.rows for name, done in phase.layers.items() if name.endswith(layer))


def facts_of(entrants: Sequence[Entrant], rows: Iterable[Mapping[str, Any]] = ()) -> dict[str, str]:
    """Size, time constants, and from `work_rows` the work per visible and hidden frame."""
    facts = {}
    by_name = {entrant.name: entrant for entrant in entrants}
    for one in entrants:
        facts[f"parameters, {row_title(one.name, one.tau)}"] = f"{one.parameter_count():,}"
        memory = getattr(one.model, "memory", None)
        if isinstance(memory, LeakyMemory):
            facts["learnt time constants, in steps"] = memory.tau_summary()
    for row in rows:
        one = by_name[row["memory"]]
        tokens = _tokens(one.model)
        title = row_title(one.name, one.tau)
        facts[f"per {row['phase']} frame, {row['tier']}, {title}"] = (
            f"{row['spikes_per_frame']:,.0f} spikes, {row['synops_per_frame']:,.0f} synaptic "
            "operations"
            + (
                f", {row['working_tokens_per_frame'] / tokens:.1%} of tokens at work"
                if tokens
                else ""
            )
        )
    return facts


def _tokens(model: nn.Module) -> int | None:
    """Tokens of a model, or of the one it stands on; None if it has none."""
    configs = [getattr(module, "config", None) for module in model.modules()]
    return next((tokens for cfg in configs if (tokens := getattr(cfg, "tokens", None))), None)


def what_rows_are(entrants: Sequence[Entrant], *, constant: bool = True) -> dict[str, str]:
    """One plain line for every row: what it is, and for how long it was trained."""
    lines = {}
    for one in entrants:
        about = BASELINES[one.name].about if one.name in BASELINES else one.kind
        lines[row_title(one.name, one.tau)] = f"{about}; trained for {one.train_steps:,} steps"
    return lines | ({CONSTANT_TITLE: f"{CONSTANT_ABOUT}; not trained"} if constant else {})
