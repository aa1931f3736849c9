"""Learning rate over the course of training."""

import math


def warmup_cosine(step: int, steps: int, peak: float, warmup: float = 0.05) -> float:
    """Linear from near zero to `peak` over the first `warmup` of `steps`, then a cosine to zero.

    >>> [round(warmup_cosine(s, 100, 1.0, 0.1), 3) for s in (0, 9, 55, 99)]
    [0.1, 1.0, 0.5, 0.0]
    """
    rising = max(1, round(steps * warmup))
    if step < rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
