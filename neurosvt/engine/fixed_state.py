"""What a state of the engine in whole numbers is made of, as native/fixed reads it.

A part is an array of one type. C must be told that type where it is told of the state: it may not
look at an object as if it were another.
"""

import numpy as np

from neurosvt.engine.fixed_layout import FixedModel, FixedParts

WORD = 8
"""Bytes that every part fills whole ones of, so that compilers put nothing between them."""

StateParts = dict[str, tuple[str, int]]
"""By name, a type of C and how many of it."""


def state_parts(c: FixedModel, number: str) -> StateParts:
    """The parts in their order. Those from `counts` on need not outlive a step.

    Args:
        c: laid out, all but where the parts are.
        number: the type of weights and of the state.
    """
    n, tracks, memory = c.patches, c.memory.tracks, c.memory
    wanted = {
        "clock": ("uint32", 2), "patch_touched": ("uint32", n), "token_touched": ("uint32", n),
        "membranes": (number, n * c.stride), "charge": (number, memory.channels),
        "exponent": ("uint8", memory.groups), "written": ("uint32", memory.groups),
        "tracks": ("int32", 7 * tracks.count), "track_written": ("uint32", tracks.count),
        "fired": ("uint8", (c.side + 2) ** 2), "counts": ("int32", n),
        "own": ("int32", 3 * n), "active": ("int32", n + 1), "keep": ("int32", n),
        "token": ("int32", n), "x": ("int32", n * c.wide), "sums": ("int32", n * c.wide),
        "first": ("uint16", n * c.room), "firsts": ("int32", n), "second": ("uint16", n * c.room),
        "seconds": ("int32", n), "square": ("int32", c.width * (c.width // c.heads)),
        "values": ("int32", c.wide), "said": ("int32", memory.read.outputs),
        "charges": ("int32", memory.channels), "wants": ("int32", memory.gates),
        "act": ("int16", 3 * c.head.widest),
        # Of the heads: scores, how likely each offer is, the offers.
        "told": ("int32", max(tracks.vote.outputs, (4 * c.head.kinds + 1) * tracks.count)),
        "votes": ("int64", 3 * tracks.count),
    }  # fmt: skip
    return {name: (f"{kind}_t", whole(kind, count)) for name, (kind, count) in wanted.items()}


def whole(kind: str, count: int) -> int:
    """At least as many, that fill whole words, for C has no empty arrays."""
    each = WORD // np.dtype(kind).itemsize
    return -(-max(count, 1) // each) * each


def places_of(parts: StateParts) -> FixedParts:
    """Where each begins, in bytes, and how long all are."""
    places, begin = FixedParts(), 0
    for name, (kind, count) in parts.items():
        setattr(places, name, begin)
        begin += count * np.dtype(kind.removesuffix("_t")).itemsize
    places.bytes = begin
    return places
