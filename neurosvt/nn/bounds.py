"""A learnt number that stays within bounds, and finds back from outside of them."""

from jaxtyping import Float
from torch import Tensor


def kept_within(x: Float[Tensor, " *n"], low: float, high: float) -> Float[Tensor, " *n"]:
    """`x`, or the bound that it lies beyond; its gradient is as if there were none.

    A plain clamp has no gradient beyond a bound, so that a number which learning drove there would
    stay for good. Within the bounds the result is `x` to the bit, in every derivative too.
    """
    return x.detach().clamp(low, high) + (x - x.detach())
