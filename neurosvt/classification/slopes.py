"""Learnt slopes over images: gathered, set out as panels, and held against edges.

Axes: M images, N tokens (one a patch).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from neurosvt.classification.edges import correlation, edge_strength, in_place
from neurosvt.classification.heatmap import Map, Panel, Photograph
from neurosvt.config import UserError
from neurosvt.datasets import cifar10
from neurosvt.experiments.checkpoints import load_image_model
from neurosvt.loaders.images import normalise_images

PARTS = {
    "fire_attention": "into attention",
    "fire_qkv": "q, k, v",
    "fire_mixed": "attended",
    "fire_in": "into MLP",
    "fire_hidden": "in MLP",
    "fire": "before head",
}
"""What a spiking layer of DySViT is called on a picture."""


@dataclass(frozen=True)
class Seen:
    """Images, and what a model's slope networks said to them."""

    run: str
    source: str
    """What the images are: "files", or "test"."""
    names: Sequence[str]
    """Of the images that were asked for, file names without their ending."""
    pixels: np.ndarray
    """(M, 3, Y, X) uint8."""
    edges: np.ndarray
    """(M, N) strength of edges."""
    slopes: Mapping[str, np.ndarray]
    """(M, N) for every spiking layer."""


def look(run: str, images: Sequence[str], batch: int = 250) -> Seen:
    """Show images to a trained DySViT: those named, or else all test images of CIFAR-10.

    Raises:
        UserError, FileNotFoundError: a run without slopes of tokens, or an image that is none.
    """
    trained = load_image_model(run)
    cfg = trained.run.model
    if getattr(cfg, "slope", None) != "token":
        raise UserError(f"{run} learnt no slopes of tokens (model.slope = token does)")
    pixels = (
        np.stack([_pixels(word) for word in images])
        if images
        else cifar10.load_cifar10("test").pixels
    )
    parts = [
        trained.model.slopes(normalise_images(pixels[start : start + batch]))
        for start in range(0, len(pixels), batch)
    ]
    return Seen(
        run=run,
        source="files" if images else "test",
        names=_names(images),
        pixels=pixels,
        edges=edge_strength(pixels, cfg.patch_size),
        slopes={layer: np.concatenate([p[layer].numpy() for p in parts]) for layer in parts[0]},
    )


def picture(seen: Seen, image: int, *, by_block: bool = False) -> list[list[Panel]]:
    """Panels of one image: the image, its edges and the last layer, then a row for every block; or
    all in one row, the layers of a block averaged."""
    blocks: dict[str, list[Map]] = {}
    last = []
    for layer, values in seen.slopes.items():
        *block, part = layer.split(".")
        panel = Map(PARTS[part], values[image])
        if block:
            blocks.setdefault(f"block {int(block[1]) + 1}", []).append(panel)
        else:
            last.append(panel)
    first: list[Panel] = [
        Photograph(seen.names[image], seen.pixels[image]), Map("edges", seen.edges[image]),
    ]  # fmt: skip
    if by_block:
        first += [Map(name, np.mean([p.values for p in row], 0)) for name, row in blocks.items()]
        return [[*first, *last]]
    rows: list[list[Panel]] = [
        [Map(f"{name}: {panel.title}", panel.values) for panel in row]
        for name, row in blocks.items()
    ]
    return [[*first, *last], *rows]


def slope_rows(seen: Seen) -> list[dict[str, Any]]:
    """How far the slopes of every layer reach, and how they go with edges: flat rows."""
    rows = []
    for layer, values in seen.slopes.items():
        found = correlation(values, seen.edges)
        rows.append({
            "model": seen.run,
            "dataset": "cifar10" if seen.source == "test" else seen.source,
            "layer": layer,
            "slope_low": float(np.quantile(values, 0.05)),
            "slope_mean": float(values.mean()),
            "slope_high": float(np.quantile(values, 0.95)),
            "edge_correlation": found.value,
            "low": found.low,
            "high": found.high,
            "edge_correlation_in_place": correlation(in_place(values), in_place(seen.edges)).value,
            "samples": len(values),
        })  # fmt: skip
    return rows


def slope_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """The rows for people."""
    table = Table(title="surrogate slopes (5 % to 95 % of tokens) and their correlation with edges")
    for name in ("layer", "slopes", "mean", "correlation (95 %)", "less the mean of each place"):
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


def _pixels(word: str) -> np.ndarray:
    """An image file, or a test image by its number."""
    kind, _, number = word.partition(":")
    if kind != "test" or Path(word).exists():
        return cifar10.decoded(Path(word).read_bytes(), word)
    images = cifar10.load_cifar10("test").pixels
    if not number.isdecimal() or int(number) >= len(images):
        raise UserError(f"{word}: a test image is test:0 to test:{len(images) - 1}")
    return images[int(number)]


def _names(words: Sequence[str]) -> list[str]:
    """Names for pictures: that of the file, with a number where it comes again."""
    names: list[str] = []
    for word in words:
        name = stem = word.replace(":", "_") if word.startswith("test:") else Path(word).stem
        again = 1
        while name in names:
            again += 1
            name = f"{stem}_{again}"
        names.append(name)
    return names
