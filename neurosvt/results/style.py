"""How every figure looks: the palette's colours and marks, SVG with text as text, which follows
the reader's choice of light or dark."""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neurosvt.files import write_whole
from neurosvt.results.palette import COLOURS, GREY, GRID, INK, MARKS, PAPER

RULES: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "neurosvt",  # the same file from the same rows, to the byte
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.4,
    "grid.color": GRID[0],
    "figure.facecolor": PAPER[0],
    "axes.facecolor": PAPER[0],
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK[0]),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK[0]),
}
"""Of matplotlib, by its own names."""


@dataclass(frozen=True)
class LineStyle:
    """How one line is drawn."""

    colour: str
    mark: tuple[tuple[float, float], ...] | str
    dash: str = "-"

    def options(self) -> dict[str, Any]:
        """For matplotlib's `plot` and `errorbar`."""
        return {
            "color": self.colour, "marker": self.mark, "linestyle": self.dash, "markersize": 5,
            "markeredgewidth": 0,
        }  # fmt: skip


def line_styles(names: Iterable[str]) -> dict[str, LineStyle]:
    """A style for every name, in their order; `constant`, the guess, is grey and has no mark."""
    styles: dict[str, LineStyle] = {}
    for name in dict.fromkeys(names):
        index = len(styles.keys() - {"constant"})
        colour, mark = COLOURS[index % len(COLOURS)][0], MARKS[index % len(MARKS)]
        dash = "-" if index < len(COLOURS) else "--"
        guess = LineStyle(GREY[0], "", ":")
        styles[name] = guess if name == "constant" else LineStyle(colour, mark, dash)
    return styles


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in here."""
    with rc_context(RULES):
        yield


def panels(count: int, size: tuple[float, float], across: int = 4) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels of `size` inches each, row by row."""
    columns = min(count, across)
    rows = -(-count // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid[:count]


def legend_below(figure: Figure) -> None:
    """What the lines of all panels are, told once, under them."""
    lines: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(str(label), handle)
    columns = min(len(lines), 7)
    figure.legend(list(lines.values()), list(lines), loc="outside lower center", ncols=columns)


def write_figure(path: str | Path, figure: Figure, kind: str | None = None) -> None:
    """The figure as a file of a kind, or of the one that its ending says, SVG if it has none;
    whole or not at all. An SVG is light or dark as its reader prefers."""
    path = Path(path)
    kind = kind or path.suffix.lstrip(".") or "svg"
    picture = io.BytesIO()
    unsaid = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(picture, format=kind, metadata=unsaid if kind == "svg" else None)
    data = picture.getvalue()
    write_whole(path, _small(data.decode()).encode() if kind == "svg" else data)


def _small(svg: str) -> str:
    """Tenths of a point are enough, each style is told once, and again for the dark."""
    svg = re.sub(r"\d+\.\d{2,}", lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' ?\n *(?=[MLCQz"])', " ", svg)  # within a path
    svg = re.sub(r"\n *(?!<g>)", "", svg)
    svg = re.sub(r"<g>(<[^<]*/>)</g>", r"\1", svg)
    classes: dict[str, str] = {}
    for style in re.findall(r' style="([^"]*)"', svg):
        classes.setdefault(style, f"s{len(classes)}")
    svg = re.sub(r' style="([^"]*)"', lambda m: f' class="{classes[m[1]]}"', svg)
    light = "".join(f".{name}{{{style}}}" for style, name in classes.items())
    dark = "".join(
        f".{name}{{{_darkened(style)}}}"
        for style, name in classes.items()
        if _darkened(style) != style
    )
    rules = f"<style>{light}@media (prefers-color-scheme: dark){{{dark}}}</style>\n"
    return svg.replace("<defs>", rules + "<defs>", 1) + "\n"


def _darkened(style: str) -> str:
    for light, dark in (INK, GRID, PAPER, GREY, *COLOURS):
        style = style.replace(light, dark)
    return style
