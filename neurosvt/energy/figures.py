"""What a frame would cost, as a figure: joules by model, in every phase and cost table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from neurosvt.permanence.figures import write_figure


def draw_energy(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Bars on a logarithmic scale, a panel for every cost table; what costs nothing has no bar."""
    rows = list(rows)
    tables = list(dict.fromkeys((r["table"], r["precision"]) for r in rows))
    models = list(dict.fromkeys(r["model"] for r in rows))
    phases = list(dict.fromkeys(r["phase"] for r in rows))
    across = min(len(tables), 3)
    down = -(-len(tables) // across)
    figure = Figure(figsize=(4.0 * across, 0.9 + 0.45 * len(models) * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True).flatten().tolist()
    for axes in panels[len(tables) :]:
        axes.set_axis_off()
    for axes, (table, precision) in zip(panels, tables, strict=False):
        own = [r for r in rows if (r["table"], r["precision"]) == (table, precision)]
        for index, phase in enumerate(phases):
            bars = [r for r in own if r["phase"] == phase]
            at = [models.index(r["model"]) + 0.8 * (index + 0.5) / len(phases) for r in bars]
            joules = [1e6 * r["joules_per_frame"] for r in bars]
            axes.barh(at, joules, 0.75 / len(phases), color=f"C{index}", label=phase)
        axes.set(title=f"{table}, {precision}", xscale="log", xlabel="microjoules a frame")
        axes.set_yticks([i + 0.4 for i in range(len(models))], models)
        axes.grid(alpha=0.3, axis="x")
    panels[0].invert_yaxis()
    panels[0].legend(frameon=False, fontsize=7)
    write_figure(Path(path), figure)
