"""Learnt slopes over images: gathered, set out as panels, and held against edges.

Axes: M images, N tokens (one a patch).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table
from torch import nn

from neurosvt.classification.edges import correlation, edge_strength, less_position_mean
from neurosvt.classification.heatmap import ImagePanel, Panel, TokenPanel
from neurosvt.config import UserError
from neurosvt.loaders.images import normalise_images
from neurosvt.models.dysvit import DySViT
from neurosvt.nn.weights import device_of

LAYER_TITLES = {
    "fire_attention": "into attention",
    "fire_qkv": "q, k, v",
    "fire_mixed": "attended",
    "fire_in": "into MLP",
    "fire_hidden": "in MLP",
    "fire": "before head",
}
"""What a spiking layer of DySViT is called on a picture."""


@dataclass(frozen=True)
class ImageSlopes:
    """Images, and what a model's slope networks said to them."""

    pixels: np.ndarray
    """(M, 3, Y, X) uint8."""
    edges: np.ndarray
    """(M, N) strength of edges, grey levels of 255 a pixel."""
    slopes: Mapping[str, np.ndarray]
    """(M, N) for every spiking layer."""


def measure_slopes(model: nn.Module, pixels: np.ndarray, batch: int = 250) -> ImageSlopes:
    """Show images to a trained DySViT.

    Args:
        model: with slopes of tokens, in eval mode.
        pixels: (M, 3, Y, X) uint8.
        batch: how many at a time, which changes nothing else.

    Raises:
        UserError: the model learnt no slopes of tokens.
    """
    if not isinstance(model, DySViT) or model.config.slope != "token":
        raise UserError("the model learnt no slopes of tokens (model.slope = token does)")
    parts = [
        model.slopes(normalise_images(pixels[start : start + batch]).to(device_of(model)))
        for start in range(0, len(pixels), batch)
    ]
    return ImageSlopes(
        pixels=pixels,
        edges=edge_strength(pixels, model.config.patch_size),
        slopes={
            layer: np.concatenate([p[layer].cpu().numpy() for p in parts]) for layer in parts[0]
        },
    )


def slope_panels(
    found: ImageSlopes, image: int, title: str, *, by_block: bool = False
) -> list[list[Panel]]:
    """Panels of one image: the image, its edges and the last layer, then a row for every block.

    Args:
        found: what was measured.
        image: which of its images.
        title: what the picture calls the image.
        by_block: all in one row, the layers of a block averaged.
    """
    blocks: dict[str, list[TokenPanel]] = {}
    last = []
    for layer, values in found.slopes.items():
        *block, part = layer.split(".")
        panel = TokenPanel(LAYER_TITLES[part], values[image])
        if block:
            blocks.setdefault(f"block {int(block[1]) + 1}", []).append(panel)
        else:
            last.append(panel)
    first: list[Panel] = [
        ImagePanel(title, found.pixels[image]), TokenPanel("edges", found.edges[image]),
    ]  # fmt: skip
    if by_block:
        means = {name: np.mean([p.values for p in row], 0) for name, row in blocks.items()}
        return [[*first, *(TokenPanel(name, mean) for name, mean in means.items()), *last]]
    rows: list[list[Panel]] = [
        [TokenPanel(f"{name}: {panel.title}", panel.values) for panel in row]
        for name, row in blocks.items()
    ]
    return [[*first, *last], *rows]


def slope_rows(found: ImageSlopes) -> list[dict[str, Any]]:
    """How far the slopes of every layer reach, and how they go with edges: flat rows."""
    rows = []
    for layer, values in found.slopes.items():
        with_edges = correlation(values, found.edges)
        in_place = correlation(less_position_mean(values), less_position_mean(found.edges))
        rows.append({
            "layer": layer,
            "slope_low": float(np.quantile(values, 0.05)),
            "slope_mean": float(values.mean()),
            "slope_high": float(np.quantile(values, 0.95)),
            "edge_correlation": with_edges.value,
            "low": with_edges.low,
            "high": with_edges.high,
            "edge_correlation_in_place": in_place.value,
            "samples": len(values),
        })  # fmt: skip
    return rows


def slope_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """The rows for people."""
    table = Table(title="surrogate slopes (5 % to 95 % of tokens) and their correlation with edges")
    for name in ("layer", "slopes", "mean", "correlation (95 %)", "less the mean of each position"):
        table.add_column(name, justify="left" if name == "layer" else "right")
    for row in rows:
        table.add_row(
            row["layer"],
            f"{row['slope_low']:.2f} to {row['slope_high']:.2f}",
            f"{row['slope_mean']:.2f}",
            f"{_signed(row['edge_correlation'])} ({_signed(row['low'])} to {_signed(row['high'])})",
            _signed(row["edge_correlation_in_place"]),
        )
    return table


def _signed(value: float) -> str:
    """Where all slopes are the same, or there is one image alone, some figures do not exist."""
    return "none" if np.isnan(value) else f"{value:+.2f}"
