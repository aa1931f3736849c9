"""Pictures of numbers that every token of an image has, laid over the image's patches.

Axes: N tokens (one a patch), Y X pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurosvt.results.style import house_style, panels, write_figure

COLOUR_MAP = "viridis"
"""Perceptually uniform: equal steps of the number look equally large."""


@dataclass(frozen=True)
class ImagePanel:
    """A panel that shows an image as it is."""

    title: str
    pixels: np.ndarray
    """(3, Y, X) uint8."""


@dataclass(frozen=True)
class TokenPanel:
    """A panel that shows a number per patch, from low (dark) to high (bright)."""

    title: str
    values: np.ndarray
    """(N,), row by row; N is a square."""


Panel = ImagePanel | TokenPanel


def draw_panels(path: Path, title: str, rows: Sequence[Sequence[Panel]]) -> None:
    """Write panels as a PNG, row by row.

    Every map has its own scale, whose ends stand above it: what is compared is patches of one map.
    """
    columns = max(map(len, rows))
    with house_style():
        figure, grid = panels(columns * len(rows), (1.5, 1.75), across=columns)
        figure.set_dpi(120)
        figure.suptitle(title, fontsize=10)
        for place in grid:
            place.set_axis_off()
        for index, row in enumerate(rows):
            for panel, place in zip(row, grid[index * columns :], strict=False):
                if isinstance(panel, ImagePanel):
                    place.imshow(panel.pixels.transpose(1, 2, 0))
                    place.set_title(panel.title, fontsize=7)
                else:
                    side = math.isqrt(len(panel.values))
                    place.imshow(panel.values.reshape(side, side), cmap=COLOUR_MAP)
                    ends = f"{panel.values.min():.2f} to {panel.values.max():.2f}"
                    place.set_title(f"{panel.title}\n{ends}", fontsize=7)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_figure(path, figure, "png")
