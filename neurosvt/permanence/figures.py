"""PermanenceBench as figures: score and place error against hidden frames, and calibration."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurosvt.files import write_whole

Row = Mapping[str, Any]

FAR = 45.0
"""Pixels beyond which a place error is not drawn: whoever is further off has left the sensor."""

FEW = 10
"""Answers below which a share says nothing."""


def draw_scores(path: Path, rows: Iterable[Row]) -> None:
    """Belief against hidden frames with its 95 % intervals: a panel a tier, a line a model."""

    def line(axes: Axes, x: Sequence[int], line_rows: Sequence[Row], **style: Any) -> None:
        score = [r["score"] for r in line_rows]
        below = [max(0.0, r["score"] - r["low"]) for r in line_rows]
        above = [max(0.0, r["high"] - r["score"]) for r in line_rows]
        axes.errorbar(x, score, [below, above], capsize=2, **style)

    _panels(path, rows, line, "share that is right", (0.0, 1.0))


def draw_errors(path: Path, rows: Iterable[Row]) -> None:
    """Median place error against hidden frames."""

    def line(axes: Axes, x: Sequence[int], line_rows: Sequence[Row], **style: Any) -> None:
        axes.plot(x, [r["place_error_px"] for r in line_rows], **style)

    _panels(path, rows, line, "median place error, pixels", (0.0, FAR))


def draw_calibration(path: Path, rows: Iterable[Row]) -> None:
    """How often a class is right against how probable it was said to be: a panel a tier, a line
    for every number of hidden frames; on the diagonal confidence is what it says. Tenths of fewer
    than `FEW` answers are left out."""
    rows = list(rows)
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    figure, grid = _grid(len(tiers))
    for axes, tier in zip(grid, tiers, strict=False):
        own = [r for r in rows if r["tier"] == tier]
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for hidden in sorted({r["hidden_frames"] for r in own}):
            points = [r for r in own if r["hidden_frames"] == hidden and r["events"] >= FEW]
            said = [r["confidence"] for r in points]
            right = [r["class_score"] for r in points]
            axes.plot(said, right, marker=".", label=f"{hidden} hidden")
        axes.set(title=tier, xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="class right")
        axes.legend(frameon=False, fontsize=7)
    write_figure(path, figure)


def _panels(
    path: Path,
    rows: Iterable[Row],
    line: Callable[..., None],
    label: str,
    limits: tuple[float, float],
) -> None:
    rows = [r for r in rows if r["judgement"] == "belief" and r["hidden_frames"]]
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    names = list(dict.fromkeys(r["memory"] for r in rows))
    figure, grid = _grid(len(tiers))
    for axes, tier in zip(grid, tiers, strict=False):
        for index, name in enumerate(names):
            own = sorted(
                (r for r in rows if (r["tier"], r["memory"]) == (tier, name)),
                key=lambda r: r["hidden_frames"],
            )
            if own:
                x = [r["hidden_frames"] for r in own]
                colour = "0.6" if name == "constant" else f"C{index % 10}"
                ends = "-" if index < 10 else "--"
                line(axes, x, own, color=colour, linestyle=ends, marker=".", label=name)
        axes.set(title=tier, xscale="log", xlabel="hidden frames", ylabel=label, ylim=limits)
        asked = sorted({r["hidden_frames"] for r in rows if r["tier"] == tier})
        axes.set_xticks(asked, labels=map(str, asked))
        axes.set_xticks([], minor=True)
        axes.grid(alpha=0.3)
    grid[0].legend(frameon=False, fontsize=7)
    write_figure(path, figure)


def _grid(panels: int) -> tuple[Figure, list[Axes]]:
    across = min(panels, 4)
    down = -(-panels // across)
    figure = Figure(figsize=(3.2 * across, 2.6 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).flatten().tolist()
    for axes in grid[panels:]:
        axes.set_axis_off()
    return figure, grid


def write_figure(path: Path, figure: Figure) -> None:
    """The figure as a file of the kind that its ending says; whole or not at all."""
    kind = Path(path).suffix.lstrip(".") or "svg"
    picture = io.BytesIO()
    figure.savefig(picture, format=kind, metadata={"Date": None} if kind == "svg" else None)
    write_whole(path, picture.getvalue())
