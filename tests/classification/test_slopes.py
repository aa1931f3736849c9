from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from neurosvt.classification.edges import edge_strength
from neurosvt.classification.heatmap import draw_panels
from neurosvt.classification.slopes import measure_slopes, slope_panels, slope_rows, slope_table
from neurosvt.config import UserError
from neurosvt.loaders.images import normalise_images
from neurosvt.models.dysvit import DySViT, DySViTConfig


@pytest.fixture(scope="module")
def model():
    """A tiny DySViT whose slopes differ from token to token."""
    config = DySViTConfig(width=16, depth=1, heads=2, patch_size=8)
    model = DySViT(config=config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("slope.answer.weight"):
                p.copy_(torch.randn(p.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 255, (5, 3, 32, 32), np.uint8)


def test_panels_show_what_the_slope_networks_say(model, pixels):
    found = measure_slopes(model, pixels, batch=2)
    first, block = slope_panels(found, 1, "thing")
    assert [panel.title for panel in (*first, *block)] == [
        "thing", "edges", "before head",
        *(f"block 1: {part}" for part in ("into attention", "q, k, v", "attended", "into MLP",
                                          "in MLP")),
    ]  # fmt: skip
    slopes = model.slopes(normalise_images(pixels[1:2]))
    np.testing.assert_allclose(block[1].values, slopes["blocks.0.fire_qkv"][0].numpy(), rtol=1e-5)
    np.testing.assert_array_equal(first[1].values, edge_strength(pixels, 8)[1])
    (grid,) = slope_panels(found, 1, "thing", by_block=True)
    np.testing.assert_allclose(grid[2].values, np.mean([p.values for p in block], 0))


def test_rows_reach_from_low_to_high_and_read_as_a_table(model, pixels):
    rows = slope_rows(measure_slopes(model, pixels))
    for row in rows:
        assert 1 <= row["slope_low"] <= row["slope_high"] <= 5
        assert row["slope_low"] - 1e-5 <= row["slope_mean"] <= row["slope_high"] + 1e-5
        assert row["samples"] == 5
    assert slope_table(rows).row_count == len(rows) == 6


def test_a_drawing_is_a_picture(model, pixels, tmp_path):
    path = Path(tmp_path) / "new" / "a.png"
    draw_panels(path, "slopes", slope_panels(measure_slopes(model, pixels), 0, "thing"))
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 10


@pytest.mark.parametrize("other", [DySViT(config=DySViTConfig(slope=2.0)), nn.Linear(2, 2)])
def test_a_model_without_slopes_of_tokens_is_refused(other, pixels):
    with pytest.raises(UserError, match="learnt no slopes of tokens"):
        measure_slopes(other, pixels)
