"""What a frame would cost, as a figure: joules by model, in every phase and cost table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neurosvt.results.style import house_style, legend_below, line_styles, panels, write_figure

ACROSS = 3
"""Panels side by side."""


def draw_energy(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A panel for every cost table, a line for every model, a mark for every phase, on a
    logarithmic scale; what costs nothing has no mark."""
    rows = list(rows)
    tables = list(dict.fromkeys((r["table"], r["precision"]) for r in rows))
    models = list(dict.fromkeys(r["model"] for r in rows))
    styles = line_styles(r["phase"] for r in rows)
    with house_style():
        figure, grid = panels(len(tables), (2.6, 0.7 + 0.2 * len(models)), across=ACROSS)
        for index, (axes, (table, precision)) in enumerate(zip(grid, tables, strict=True)):
            own = [r for r in rows if (r["table"], r["precision"]) == (table, precision)]
            for row, (phase, style) in enumerate(styles.items()):
                points = [r for r in own if r["phase"] == phase and r["joules_per_frame"]]
                if points:
                    microjoules = [1e6 * r["joules_per_frame"] for r in points]
                    height = [models.index(r["model"]) + 0.2 * row for r in points]
                    options = {**style.options(), "linestyle": ""}
                    axes.plot(microjoules, height, label=f"{phase} frames", **options)
            axes.set(title=f"{table}, {precision}", xscale="log", xlabel="microjoules a frame")
            axes.set_yticks(
                range(len(models)), models if index % ACROSS == 0 else [""] * len(models)
            )
            axes.set_ylim(len(models) - 0.5, -0.5)
            axes.set_xticks([], minor=True)
        legend_below(figure)
        write_figure(path, figure)
