"""What an event file holds, in one pass of bounded memory."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.events.recording import extent
from neurosvt.formats import open_events

HASHED = {"t": "<i8", "x": "<i4", "y": "<i4", "p": "u1"}
"""Columns, and the types as which they are hashed, as the file stores them."""


@dataclass(frozen=True)
class Summary:
    """Of one file; hashes are of its events in the order and orientation of the file."""

    format: str
    width: int
    """Pixels; as the file states, or as its events need."""
    height: int
    events: int
    t_first_us: int | None
    t_last_us: int | None
    on_share: float | None
    time_steps_back: int
    lost_bytes: int
    sha256_t: str
    sha256_x: str
    sha256_y: str
    sha256_p: str
    warnings: tuple[str, ...] = field(default=())
    """What is damaged, a line each."""

    def row(self) -> dict[str, Any]:
        """Flat, without the warnings."""
        return {name: value for name, value in asdict(self).items() if name != "warnings"}


def summarise(path: str | Path, on_events: Callable[[int], None] = lambda count: None) -> Summary:
    """Read a file through.

    Args:
        path: an event file of any format.
        on_events: told how many more events were read.

    Raises:
        FileNotFoundError, UserError: as `open_events`.
    """
    hashes = {name: hashlib.sha256() for name in HASHED}
    count = on = 0
    first = last = None
    width = height = 1
    with open_events(path) as file:
        for events in file.source.chunks():
            for name, kind in HASHED.items():
                hashes[name].update(np.ascontiguousarray(events[name], kind).data)
            first = int(events["t"][0]) if first is None else first
            last = int(events["t"][-1])
            count += len(events)
            on += int(np.count_nonzero(events["p"] != file.source.inverted))
            width, height = np.maximum((width, height), extent(events)).tolist()
            on_events(len(events))
        damage = file.source.damage
        width, height = file.source.sensor or (width, height)
    return Summary(
        format=file.format,
        width=width,
        height=height,
        events=count,
        t_first_us=first,
        t_last_us=last,
        on_share=on / count if count else None,
        time_steps_back=damage.time_steps_back,
        lost_bytes=damage.lost_bytes,
        sha256_t=hashes["t"].hexdigest(),
        sha256_x=hashes["x"].hexdigest(),
        sha256_y=hashes["y"].hexdigest(),
        sha256_p=hashes["p"].hexdigest(),
        warnings=tuple(damage.lines()),
    )
