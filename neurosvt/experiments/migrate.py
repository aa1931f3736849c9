"""Descriptions of runs as older versions wrote them, brought into today's words."""

from collections.abc import Mapping
from typing import Any


def migrate_run(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run that a checkpoint holds, whenever it was written."""
    run = {table: dict(settings) for table, settings in values.items()}
    data = run.get("data", {})
    if "variety" in data:
        data["augmentation"] = data.pop("variety")
    return run


def migrate_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is known about a trained model, whenever it was written."""
    known = dict(metadata)
    if "settled" in known:
        known["finished"] = known.pop("settled")
    if "run" in known:
        known["run"] = migrate_run(known["run"])
    return known
