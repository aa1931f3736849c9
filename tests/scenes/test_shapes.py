import numpy as np
import pytest

from neurosvt.scenes.shapes import SILHOUETTES, paint_sprites


@pytest.fixture(scope="module")
def grid():
    line = np.linspace(-1.5, 1.5, 1501)
    return np.meshgrid(line, line)


@pytest.mark.parametrize("name", SILHOUETTES)
def test_every_shape_has_its_centre_of_mass_at_the_origin(name, grid):
    x, y = grid
    inside = SILHOUETTES[name](x, y) < 0
    assert abs(x[inside].mean()) < 0.003
    assert abs(y[inside].mean()) < 0.003


@pytest.mark.parametrize("name", SILHOUETTES)
def test_every_shape_fills_its_circle_and_no_more(name, grid):
    x, y = grid
    inside = SILHOUETTES[name](x, y) < 0
    assert 0.89 < np.hypot(x, y)[inside].max() < 1.003


def test_sprites_cover_the_area_of_their_outline(grid):
    """Anti-aliasing moves no area: the covered shares sum to it."""
    radius, count = 12.0, len(SILHOUETTES)
    sprites = paint_sprites(
        label=np.arange(count),
        radius=np.full(count, radius),
        angle=np.linspace(0, 1, count),
        brightness=np.zeros(count),
        grating=np.zeros((count, 4)),
        side=30,
    )
    x, y = grid
    for silhouette, (_, covered) in zip(SILHOUETTES.values(), sprites, strict=True):
        area = (silhouette(x, y) < 0).sum() * 0.002**2 * radius**2
        assert covered.sum() == pytest.approx(area, rel=0.02)


def test_no_two_shapes_cover_the_same_pixels_at_any_turn():
    """At 20 pixels the nearest pair still differs in an eighth of what either covers."""
    turns = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    masks = [
        paint_sprites(
            np.full(72, label), np.full(72, 10.0), turns, np.zeros(72), np.zeros((72, 4)), 24
        )[:, 1]
        for label in range(len(SILHOUETTES))
    ]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            differ = np.abs(other - one[0]).sum((1, 2)) / np.maximum(other, one[0]).sum((1, 2))
            assert differ.min() > 0.125
