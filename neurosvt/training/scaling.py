"""Gradients of products in float16, whose least number is 6e-8: what is learnt from is scaled up.

bfloat16 reaches as far as float32 and needs none of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor


@dataclass
class GradientScale:
    """By how much a loss is scaled up, so that its gradients neither vanish nor overflow.

    A step whose gradients overflow is left out and halves the scale; many whole ones in a row
    double it. Powers of two, so that scaling rounds nothing.

    Source: Micikevicius et al., "Mixed precision training" (ICLR 2018), sec. 3.2.
    """

    FIRST: ClassVar[float] = 2.0**16
    PATIENCE: ClassVar[int] = 2000
    """Whole steps in a row after which more is tried."""

    factor: float = 1.0
    whole: int = 0
    """Steps since it last changed."""

    def scaled(self, loss: Tensor) -> Tensor:
        """What to take the gradient of."""
        return loss if self.factor == 1 else loss * self.factor

    def unscale(self, gradients: Sequence[Tensor]) -> None:
        """Turn gradients of what was scaled into those of the loss, in place."""
        if self.factor != 1 and gradients:
            torch._foreach_mul_(list(gradients), 1 / self.factor)

    def update(self, finite: bool) -> bool:
        """Take note of whether a step's gradients were finite, everywhere where it was taken.

        Returns:
            Whether training can go on: a scale of 1 is none, and what overflows without one would
            overflow again.
        """
        if not finite:
            goes_on, self.factor, self.whole = self.factor > 1, max(self.factor / 2, 1.0), 0
            return goes_on
        self.whole += 1
        if self.factor > 1 and self.whole >= self.PATIENCE:
            self.factor, self.whole = 2 * self.factor, 0
        return True
