"""Pictures of numbers that every token of an image has, laid over the image's patches.

Axes: N tokens (one a patch), Y X pixels.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from neurosvt.files import write_whole

COLOURS = "viridis"
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
    """Write panels as a PNG, row by row; a folder that is not there is made.

    Every map has its own scale, whose ends stand above it: what is compared is patches of one map.
    """
    columns = max(map(len, rows))
    figure = Figure(figsize=(1.5 * columns, 1.75 * len(rows) + 0.4), layout="constrained", dpi=120)
    figure.suptitle(title, fontsize=10)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for row, all_axes in zip(rows, panels, strict=True):
        for axes in all_axes:
            axes.set_axis_off()
        for panel, axes in zip(row, all_axes, strict=False):
            if isinstance(panel, ImagePanel):
                axes.imshow(panel.pixels.transpose(1, 2, 0))
                axes.set_title(panel.title, fontsize=7)
            else:
                side = math.isqrt(len(panel.values))
                axes.imshow(panel.values.reshape(side, side), cmap=COLOURS)
                ends = f"{panel.values.min():.2f} to {panel.values.max():.2f}"
                axes.set_title(f"{panel.title}\n{ends}", fontsize=7)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data.getvalue())
