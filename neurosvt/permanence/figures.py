"""PermanenceBench as figures: score and place error against hidden frames, and calibration."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from neurosvt.results.palette import GREY
from neurosvt.results.style import house_style, legend_below, line_styles, panels, write_figure

Row = Mapping[str, Any]

FAR = 45.0
"""Pixels beyond which a place error is not drawn: whoever is further off has left the sensor."""

FEW = 10
"""Answers below which a share says nothing."""

PANEL = (2.6, 2.2)
"""Inches."""


def draw_scores(path: Path, rows: Iterable[Row]) -> None:
    """Belief against hidden frames with its 95 % intervals: a panel a tier, a line a model."""

    def line(axes: Axes, x: Sequence[int], line_rows: Sequence[Row], **style: Any) -> None:
        score = [100 * r["score"] for r in line_rows]
        below = [max(0.0, 100 * (r["score"] - r["low"])) for r in line_rows]
        above = [max(0.0, 100 * (r["high"] - r["score"])) for r in line_rows]
        axes.errorbar(x, score, [below, above], elinewidth=1, **style)

    _draw_tiers(path, rows, line, "right beliefs (%)", (-2.0, 102.0))


def draw_errors(path: Path, rows: Iterable[Row]) -> None:
    """Median place error against hidden frames."""

    def line(axes: Axes, x: Sequence[int], line_rows: Sequence[Row], **style: Any) -> None:
        axes.plot(x, [r["place_error_px"] for r in line_rows], **style)

    _draw_tiers(path, rows, line, "median place error (pixels)", (0.0, FAR))


def draw_calibration(path: Path, rows: Iterable[Row]) -> None:
    """How often a class is right against how probable it was said to be: a panel a tier, a line
    for every number of hidden frames; on the diagonal confidence is what it says. Tenths of fewer
    than `FEW` answers are left out."""
    rows = list(rows)
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    lengths = sorted({r["hidden_frames"] for r in rows})
    styles = line_styles(map(str, lengths))
    with house_style():
        figure, grid = panels(len(tiers), PANEL)
        for axes, tier in zip(grid, tiers, strict=True):
            own = [r for r in rows if r["tier"] == tier]
            axes.plot([0, 100], [0, 100], color=GREY[0], linewidth=1, linestyle=":")
            for hidden in sorted({r["hidden_frames"] for r in own}):
                points = [r for r in own if r["hidden_frames"] == hidden and r["events"] >= FEW]
                said = [100 * r["confidence"] for r in points]
                right = [100 * r["class_score"] for r in points]
                options = styles[str(hidden)].options()
                axes.plot(said, right, label=f"{hidden} hidden frames", **options)
            axes.set(title=tier, xlim=(0, 102), ylim=(0, 102))
            axes.set(xlabel="confidence (%)", ylabel="class right (%)")
        legend_below(figure)
        write_figure(path, figure)


def _draw_tiers(
    path: Path,
    rows: Iterable[Row],
    line: Callable[..., None],
    label: str,
    limits: tuple[float, float],
) -> None:
    rows = [r for r in rows if r["judgement"] == "belief" and r["hidden_frames"]]
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    styles = line_styles(r["memory"] for r in rows)
    with house_style():
        figure, grid = panels(len(tiers), PANEL)
        for axes, tier in zip(grid, tiers, strict=True):
            for name, style in styles.items():
                own = sorted(
                    (r for r in rows if (r["tier"], r["memory"]) == (tier, name)),
                    key=lambda r: r["hidden_frames"],
                )
                if own:
                    x = [r["hidden_frames"] for r in own]
                    line(axes, x, own, label=name, **style.options())
            axes.set(title=tier, xscale="log", xlabel="hidden frames", ylabel=label, ylim=limits)
            lengths = sorted({r["hidden_frames"] for r in rows if r["tier"] == tier})
            axes.set_xticks(lengths, labels=map(str, lengths))
            axes.set_xticks([], minor=True)
        legend_below(figure)
        write_figure(path, figure)
