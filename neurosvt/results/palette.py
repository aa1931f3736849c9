"""Colours and marks of all that is drawn, figures and pages alike, as plain data.

Colours are Okabe and Ito's (Color Universal Design, 2008), which most colour-blind readers tell
apart; darkened on white. A line has a mark of its own beside its colour.
"""

from typing import Any

INK = ("#16191f", "#eceff4")
"""Text and axes, on light and on dark."""
GRID = ("#d5d9e0", "#343b47")
PAPER = ("#ffffff", "#181c23")
GREY = ("#8a919e", "#8f97a5")
"""Of what is no model: guesses, diagonals."""

COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#a86b00", "#e69f00"),
    ("#a8487f", "#e08fc0"),
    ("#00805f", "#2fc79b"),
    ("#c04a00", "#ff8a4a"),
    ("#5c6370", "#b8bfca"),
    ("#6f6500", "#f0e442"),
)
"""Of lines, each on light and on dark."""

MARKS = (
    ((-0.38, -0.92), (0.38, -0.92), (0.92, -0.38), (0.92, 0.38),
     (0.38, 0.92), (-0.38, 0.92), (-0.92, 0.38), (-0.92, -0.38)),
    ((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
    ((0.0, 1.0), (1.0, -0.8), (-1.0, -0.8)),
    ((0.0, 1.1), (1.1, 0.0), (0.0, -1.1), (-1.1, 0.0)),
    ((0.0, -1.0), (1.0, 0.8), (-1.0, 0.8)),
)  # fmt: skip
"""Polygons around 0, y upwards: octagon, square, triangle, diamond, triangle on its tip."""

PALETTE: dict[str, Any] = {
    "ink": INK, "grid": GRID, "paper": PAPER, "grey": GREY, "colours": COLOURS, "marks": MARKS,
}  # fmt: skip
"""All of it as plain data, for a page's script."""
