"""The tables of README.md and docs/, from the committed rows.

python benchmarks/tables.py: draws every table anew that stands between `<!-- table: NAME -->` and
`<!-- end -->` in README.md or in a page of docs/. A test holds that nothing would change.

python benchmarks/tables.py NAME...: prints these instead.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import tables_baselines
import tables_models
import tables_permanence
import tables_recordings
import tables_reliability
import tables_sensors
import tables_speed
import tables_zoo

ROOT = Path(__file__).parent.parent

TABLES: dict[str, Callable[[], str]] = {
    "permanence": tables_permanence.permanence,
    "calibration": tables_permanence.calibration,
    "presence": tables_permanence.presence,
    "permanence_short": tables_baselines.permanence_short,
    "otherwise": tables_permanence.otherwise,
    "weights": tables_permanence.weights,
    "fixed_point": tables_permanence.fixed_point,
    "reacquisition": tables_permanence.reacquisition,
    "baselines": tables_baselines.baselines,
    "tracked": tables_baselines.tracked,
    "ablation": tables_baselines.ablation,
    "ablation_tracked": tables_baselines.ablation_tracked,
    "recordings": tables_recordings.recordings,
    "pendulum": tables_recordings.pendulum,
    "recordings_tracks": tables_recordings.recordings_tracks,
    "films": tables_sensors.films,
    "sensors": tables_sensors.sensors,
    "sensor_costs": tables_sensors.sensor_costs,
    "reads": tables_sensors.reads,
    "energy": tables_models.energy,
    "energy_short": tables_models.energy_short,
    "slopes": tables_models.slopes,
    "cifar10": tables_models.cifar10,
    "clips": tables_models.clips,
    "confusion": tables_models.confusion,
    "neurons": tables_speed.neurons,
    "train": tables_speed.train,
    "processes": tables_speed.processes,
    "train_parts": tables_speed.train_parts,
    "formats": tables_speed.formats,
    "latency": tables_speed.latency,
    "latency_short": tables_speed.latency_short,
    "activity": tables_speed.activity,
    "image_latency": tables_speed.image_latency,
    "image_accuracy": tables_speed.image_accuracy,
    "c_latency": tables_speed.c_latency,
    "stream": tables_speed.stream,
    "page": tables_speed.page,
    "soak": tables_speed.soak,
    "faults": tables_reliability.faults,
    "strangers": tables_reliability.strangers,
    "rough": tables_reliability.rough,
    "fuzz": tables_reliability.fuzz,
    "covered": tables_reliability.covered,
    "mutants": tables_reliability.mutants,
    "zoo": tables_zoo.zoo,
}
"""By the name between the marks. Those ending in `_short` have at most seven columns."""

BLOCK = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def pages() -> list[Path]:
    """README.md and all of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def draw(name: str) -> str:
    """One table, in Markdown.

    Raises:
        SystemExit: there is no such table.
    """
    if name not in TABLES:
        sys.exit(f"there is no table {name!r}; choose from {', '.join(TABLES)}")
    return TABLES[name]()


def fill(text: str) -> str:
    """The text with every table drawn anew."""
    return BLOCK.sub(lambda m: f"<!-- table: {m[1]} -->\n\n{draw(m[1])}\n\n<!-- end -->", text)


if __name__ == "__main__":
    if sys.argv[1:]:
        print("\n\n".join(map(draw, sys.argv[1:])))
    else:
        for page in pages():
            page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
