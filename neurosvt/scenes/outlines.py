"""Closed outlines as polygons: of cups, and of strangers, which are none of the classes.

Strangers that models are trained on are of families without end: smooth ones, whose radius is a
random Fourier series; polygons of random corners; bent strokes; and blocks with teeth. Judging adds
figures drawn by hand, which training never shows.

Axes: B batch, N outlines, V corners, S the side of a sprite in pixels. Corners are in units of the
radius of the circle around them, whose middle is the origin; x runs right, y down.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from neurosvt.scenes.shapes import SILHOUETTES, Field, textured, turned_square

CORNERS = 48
"""Corners of every outline; one that has fewer repeats its last."""

MOST_ALIKE = 0.7
"""How much of what either covers a stranger may share with a class, at the same area and whatever
turn fits best. Two classes share up to 0.86 (tests/scenes/test_outlines.py)."""


def _padded(corners: np.ndarray) -> np.ndarray:
    """One outline (V, 2) with its last corner repeated up to `CORNERS`."""
    return np.concatenate([corners, np.repeat(corners[-1:], CORNERS - len(corners), 0)])


def _stroke(line: np.ndarray, width: float) -> np.ndarray:
    """The outline (V, 2) of a line of this width along some points, its corners mitred."""
    along = np.diff(line, axis=0)
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    aside = np.stack([-along[:, 1], along[:, 0]], -1)
    before, after = np.concatenate([aside[:1], aside]), np.concatenate([aside, aside[-1:]])
    mitre = (before + after) / (1 + (before * after).sum(-1, keepdims=True))
    return np.concatenate([line + width / 2 * mitre, (line - width / 2 * mitre)[::-1]])


DRAWN: dict[str, np.ndarray] = {
    "spiral": _stroke(
        np.array([(2, 2.4), (2, 2), (3, 2), (3, 4), (1, 4), (1, 0.4), (4.6, 0.4), (4.6, 5)]),
        width=0.6,
    ),
    "comb": np.array(
        [(0, 0), (7, 0), (7, 5), (6, 5), (6, 2), (5, 2), (5, 5), (4, 5),
         (4, 2), (3, 2), (3, 5), (2, 5), (2, 2), (1, 2), (1, 5), (0, 5)]
    ),
    "snake": _stroke(
        np.array([(3, 0.4), (3, 0), (0, 0), (0, 2), (3, 2), (3, 4), (0, 4), (0, 3.6)]),
        width=0.8,
    ),
    "rails": np.array(
        [(0, 0), (1, 0), (1, 2), (3, 2), (3, 0), (4, 0),
         (4, 5), (3, 5), (3, 3), (1, 3), (1, 5), (0, 5)]
    ),
    "flag": np.array(
        [(0, 0), (4, 0), (4, 1), (1, 1), (1, 2.2), (3, 2.2), (3, 3.2), (1, 3.2), (1, 6), (0, 6)]
    ),
    "fork": np.array(
        [(0, 0), (0.9, 0), (0.9, 2.4), (3.1, 2.4), (3.1, 0), (4, 0),
         (4, 3.4), (2.45, 3.4), (2.45, 6), (1.55, 6), (1.55, 3.4), (0, 3.4)]
    ),
    "wave": _stroke(np.array([(0, 0), (1.2, 4), (2.4, 0.6), (3.6, 4), (4.8, 0)]), width=0.8),
    "hook": _stroke(
        np.array([(0.3, 1.6), (0, 0.4), (1, -0.4), (2.4, 0), (2.6, 1.4), (1.4, 2.6), (1.4, 5)]),
        width=0.8,
    ),
}  # fmt: skip
"""Outlines drawn by hand that training never shows."""


_CUP = np.array(
    [(1.0, -0.577), (1.0, -0.3), (1.45, -0.3), (1.45, 0.3), (1.0, 0.3), (1.0, 0.577),
     (0.0, 1.155), (-1.0, 0.577), (-1.0, -0.577), (0.0, -1.155)]
)  # fmt: skip

CUP_REACH = float(np.linalg.norm(_CUP, axis=-1).max())
"""Radius of the circle around a cup against that of the circle within its body."""

CUP: np.ndarray = _padded(_CUP / CUP_REACH)
"""A cup from above: a hexagon with a handle."""


def centred(corners: np.ndarray) -> np.ndarray:
    """Outlines (N, V, 2) moved to their centres of mass, and scaled into the unit circle."""
    _, middle = _mass(corners)
    moved = corners - middle[:, None]
    scaled: np.ndarray = moved / np.linalg.norm(moved, axis=-1).max(1)[:, None, None]
    return scaled


def _mass(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Areas (N,) and centres of mass (N, 2) of polygons."""
    ahead = np.roll(corners, -1, axis=1)
    cross = corners[..., 0] * ahead[..., 1] - ahead[..., 0] * corners[..., 1]
    twice = cross.sum(1)
    middle = ((corners + ahead) * cross[..., None]).sum(1) / (3 * twice[:, None])
    return np.abs(twice) / 2, middle


Family = Callable[[np.random.Generator, int], np.ndarray]
"""Draws so many outlines, in any scale and place."""


def random_outlines(
    rng: np.random.Generator, count: int, families: Sequence[tuple[Family, int]] | None = None
) -> np.ndarray:
    """(count, V, 2) of families without end, those of `FAMILIES` unless others are named with how
    often each is drawn; none of them like a class."""
    families, kept = families or FAMILIES, list[np.ndarray]()
    while sum(map(len, kept)) < count:
        drawn = np.concatenate([family(rng, share * count // 4 + 1) for family, share in families])
        drawn = centred(drawn[rng.permutation(len(drawn))])
        kept.append(drawn[likeness(drawn) <= MOST_ALIKE])
    return np.concatenate(kept)[:count]


def drawn_outlines(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, V, 2) of those drawn by hand, some as in a mirror."""
    kinds = centred(np.stack([_padded(corners) for corners in DRAWN.values()]))
    chosen = kinds[rng.integers(0, len(kinds), count)]
    mirrored = np.where(rng.random(count) < 0.5, -1, 1)
    shown: np.ndarray = chosen * np.stack([mirrored, np.ones(count)], -1)[:, None]
    return shown


def _smooth(rng: np.random.Generator, count: int) -> np.ndarray:
    """Outlines whose radius is 1 and a few waves around the circle."""
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    order = np.arange(2, 7)[:, None]
    strength = rng.uniform(0, 0.9, (count, len(order))) / order[:, 0] ** 0.5
    phase = rng.uniform(0, 2 * np.pi, (count, len(order), 1))
    waves = (strength[..., None] * np.sin(order * turn + phase)).sum(1)
    radius = np.maximum(1 + waves, 0.2)
    corners: np.ndarray = radius[..., None] * np.stack([np.cos(turn), np.sin(turn)], -1)
    return corners


def _angular(rng: np.random.Generator, count: int) -> np.ndarray:
    """Polygons of five to nine corners at random distances from the middle."""
    made = []
    for corners in rng.integers(5, 10, count).tolist():
        turn = 2 * np.pi * (np.arange(corners) + rng.uniform(-0.35, 0.35, corners)) / corners
        radius = rng.uniform(0.2, 1, corners)
        made.append(_padded(radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)))
    return np.stack(made)


def _strokes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Lines of two to six straight parts, as broad as a third of a part or as a whole one."""
    made = []
    for parts in rng.integers(2, 7, count).tolist():
        turn = np.cumsum(rng.uniform(-MOST_BENT, MOST_BENT, parts))
        steps = rng.uniform(0.6, 1.6, parts)[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
        line = np.concatenate([np.zeros((1, 2)), steps.cumsum(0)])
        made.append(_padded(_stroke(line, rng.uniform(0.3, 1.0))))
    return np.stack(made)


def _blocks(rng: np.random.Generator, count: int) -> np.ndarray:
    """Three to seven columns of random heights above and below a line: combs, steps, letters."""
    made = []
    for columns in rng.integers(3, 8, count).tolist():
        above, below = rng.uniform(0.3, 3.0, (2, columns))
        ends = np.cumsum(np.concatenate([[0], rng.uniform(0.6, 1.4, columns)]))
        over = np.stack([ends.repeat(2)[1:-1], above.repeat(2)], -1)
        under = np.stack([ends.repeat(2)[1:-1], -below.repeat(2)], -1)
        made.append(_padded(np.concatenate([over, under[::-1]])))
    return np.stack(made)


MOST_BENT = 1.9
"""Radians that a stroke turns from one part to the next, at most: sharper ones have long mitres."""
FAMILIES = ((_smooth, 1), (_angular, 4), (_strokes, 1), (_blocks, 1))
"""Families without end, and how often each is drawn: of polygons more are like a class."""


def polygon_distance(corners: np.ndarray, x: Field, y: Field) -> Field:
    """Signed distance to outlines (B, V, 2) from points (B, S, S), negative inside.

    Source: Quilez, "2D distance functions", polygon.
    """
    nearest = np.full_like(x, np.inf)
    for ax, ay, bx, by in _sides(corners, x):
        ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
        length = np.maximum(ex * ex + ey * ey, np.finfo(x.dtype).tiny)  # repeated corners have none
        along = np.clip((wx * ex + wy * ey) / length, 0, 1)
        np.minimum(nearest, (wx - along * ex) ** 2 + (wy - along * ey) ** 2, out=nearest)
    distance: Field = np.where(inside_of(corners, x, y), -1, 1) * np.sqrt(nearest)
    return distance.astype(x.dtype)


def inside_of(corners: np.ndarray, x: Field, y: Field) -> np.ndarray:
    """Whether points (B, S, S) lie within outlines (B, V, 2): those that a ray leaves an odd number
    of times."""
    inside = np.zeros(x.shape, bool)
    for ax, ay, bx, by in _sides(corners, x):
        left = (bx - ax) * (y - ay) > (by - ay) * (x - ax)
        inside ^= np.where(by > ay, (y >= ay) & (y < by) & left, (y < ay) & (y >= by) & ~left)
    return inside


def _sides(corners: np.ndarray, like: Field) -> Iterator[tuple[np.ndarray, ...]]:
    """The ends ax, ay, bx, by of each side, (B, 1, 1), of the numbers' type that points have."""
    begin = np.moveaxis(corners.astype(like.dtype), 0, -1)[..., None, None]
    for (ax, ay), (bx, by) in zip(begin, np.roll(begin, -1, axis=0), strict=True):
        yield ax, ay, bx, by


def paint_outlines(
    outline: np.ndarray,
    radius: np.ndarray,
    angle: np.ndarray,
    brightness: np.ndarray,
    grating: np.ndarray,
    side: int,
) -> np.ndarray:
    """As `shapes.paint_sprites`, of outlines (B, V, 2)."""
    x, y = turned_square(radius, angle, side)
    distance = polygon_distance(outline, x, y) * radius.astype(np.float32)[:, None, None]
    return textured(np.clip(0.5 - distance, 0, 1), brightness, grating)


GRID, REACH, TURNS = 64, 1.8, 72
"""Pixels a side, how far they reach in roots of a shape's area, and turns that are tried."""


def likeness(corners: np.ndarray) -> np.ndarray:
    """(N,) of what an outline (N, V, 2) or the class most like it covers, the share that both do:
    intersection over union at the same centre of mass and area, and the best of many turns."""
    area, middle = _mass(corners)
    line = np.linspace(-REACH, REACH, GRID, dtype=np.float32)
    x, y = (np.broadcast_to(one, (len(corners), GRID, GRID)) for one in np.meshgrid(line, line))
    same = (corners - middle[:, None]) / np.sqrt(area)[:, None, None]
    covers = inside_of(same, x, y).reshape(len(corners), -1).astype(np.float32)
    shared = covers @ _classes().T
    every = covers.sum(1)[:, None] + _classes().sum(1) - shared
    most: np.ndarray = (shared / every).max(1)
    return most


@lru_cache(maxsize=1)
def _classes() -> np.ndarray:
    """(classes x turns, GRID * GRID): what each class covers, of area 1, at every turn."""
    fine = np.linspace(-1, 1, 401)
    line = np.linspace(-REACH, REACH, GRID)
    x, y = np.meshgrid(line, line)
    masks = []
    for silhouette in SILHOUETTES.values():
        scale = 2 * (silhouette(*np.meshgrid(fine, fine)) < 0).mean() ** 0.5
        for turn in np.linspace(0, 2 * np.pi, TURNS, endpoint=False):
            cos, sin = scale * np.cos(turn), scale * np.sin(turn)
            masks.append(silhouette(cos * x + sin * y, cos * y - sin * x) < 0)
    return np.array(masks).reshape(len(masks), -1).astype(np.float32)
