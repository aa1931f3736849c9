"""What older versions wrote, brought into today's words: settings and metadata."""

from collections.abc import Mapping
from typing import Any

FORMER_RULES = {
    "gated": (False, "ungated"),
    "divided": (True, "divided_drive"),
    "resets": (True, "resetting"),
    "fires": (True, "spikes_out"),
}
"""Switches of the former leaky memory: how each stood, and the kind of memory that it made."""


FORMER_RUNS = {
    "permanence_first": "permanence_stage1",
    "permanence_second": "permanence_stage2",
    "permanence_third": "permanence_stage3",
}
"""Runs that have other names now."""


def migrate_run(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that a checkpoint holds, whenever it was written."""
    run = {table: dict(settings) for table, settings in values.items()}
    data, model = run.get("data", {}), run.get("model", {})
    if "variety" in data:
        data["augmentation"] = data.pop("variety")
    if isinstance(model.get("memory"), str):
        model["memory"] = _memory(model)
    start = run.get("train", {}).get("start")
    if isinstance(start, str):
        for former, name in FORMER_RUNS.items():
            start = start.replace(former, name)
        run["train"]["start"] = start
    if "tau" in model:
        model["neuron"] = {"tau": model.pop("tau")}
    readout = {new: model.pop(f"head_{new}") for new in _READOUT if f"head_{new}" in model}
    if readout:
        model["readout"] = readout
    return run


_READOUT = ("width", "depth", "strengths")


def _memory(model: dict[str, Any]) -> dict[str, Any]:
    """The nested table of a memory that was told by settings beside each other, which go."""
    kind = model.pop("memory")
    old = {name: model.pop(name, None) for name in _MEMORY}
    rules = old["memory_rules"] or {}
    if kind == "lif":
        return _told(kind="lif", tau=old["tau_memory"])
    if kind == "none":
        return _told(kind="none", channels=old["memory_channels"])
    for rule, (stood, former) in FORMER_RULES.items():
        kind = former if rules.get(rule) is stood else kind
    if old["memory_read"] == "attention":
        kind = "read_by_attention"
    kept = {name: rules.get(name) for name in ("learns_tau", "write_gates", "looks_back")}
    return _told(kind=kind, channels=old["memory_channels"], tau_range=old["memory_tau"], **kept)


_MEMORY = ("memory_channels", "memory_tau", "memory_rules", "memory_read", "tau_memory")


def _told(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def migrate_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is known about a trained model, whenever it was written."""
    known = dict(metadata)
    if "settled" in known:
        known["finished"] = known.pop("settled")
    if "run" in known:
        known["run"] = migrate_run(known["run"])
    return known
