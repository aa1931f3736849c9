"""How wide and how high a sensor is, or a grid of tokens."""

from typing import Any, NamedTuple

Size = int | tuple[int, int]
"""Of a sensor as settings have it: pixels a side of a square, or width and height."""


class Sides(NamedTuple):
    """Width and height.

    >>> Sides.of(64), Sides.of((346, 260)).shorter
    (Sides(width=64, height=64), 260)
    """

    width: int
    height: int

    @classmethod
    def of(cls, size: Size) -> "Sides":
        """Of a size as settings have it."""
        return cls(size, size) if isinstance(size, int) else cls(*size)

    @classmethod
    def of_pixels(cls, frames: Any) -> "Sides":
        """Of frames (..., height, width)."""
        height, width = frames.shape[-2:]
        return cls(int(width), int(height))

    @property
    def area(self) -> int:
        """Pixels, or tokens."""
        return self.width * self.height

    @property
    def shorter(self) -> int:
        """The unit of lengths that are told in sensor sides."""
        return min(self)

    @property
    def square(self) -> bool:
        return self.width == self.height

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"
