"""What a pass did, as numbers of operations: counts, never energy. docs/energy.md defines each."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Operations:
    """Running totals of one layer or of many."""

    macs: int = 0
    """Multiply-adds of products with real-valued input, zeros included."""
    macs_nonzero: int = 0
    """Those of `macs` whose input was not zero, for a machine that leaves zeros out."""
    acs: int = 0
    """Additions that spikes made: the sum over spikes of the fan-out they reach (SOPs)."""
    updates: int = 0
    """Membranes updated, each a leak, an addition and a comparison."""
    adds: int = 0
    """Other additions: residual, bias, position."""
    multiplies: int = 0
    """Other multiplications: norms that are not folded, scales, products of gates."""
    comparisons: int = 0
    """Those outside of membranes: thresholds at one step, rectifiers, maxima, event filters."""
    specials: int = 0
    """Divisions, roots, exponentials and what is made of them (softmax, GELU, sigmoid)."""
    spikes: int = 0
    """Emitted by neurons."""
    rows: int = 0
    """Vectors that came in: tokens, or images of a convolution."""
    weights_once: int = 0
    """Weights read if each that is needed is read once a frame, whoever needs it."""
    weights_each: int = 0
    """Weights read if each is read for every operation that needs it."""
    states: int = 0
    """Numbers of membranes and memories read and written."""
    values: int = 0
    """Real-valued activations read by products, and sums written by them."""

    def __iadd__(self, other: "Operations") -> "Operations":
        for name, more in vars(other).items():
            if more:
                setattr(self, name, getattr(self, name) + more)
        return self

    @classmethod
    def summed(cls, parts: Iterable["Operations"]) -> "Operations":
        """All of them together."""
        total = cls()
        for part in parts:
            total += part
        return total

    def __bool__(self) -> bool:
        """Whether anything was done at all."""
        return any(vars(self).values())
