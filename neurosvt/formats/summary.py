"""What an event file holds, in one pass of bounded memory."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.formats import open_events
from neurosvt.formats.options import AS_STATED, ReadOptions

HASHED = {"t": "<i8", "x": "<i4", "y": "<i4", "p": "u1"}
"""Columns, and the types as which they are hashed, as the file stores them."""


@dataclass(frozen=True)
class Summary:
    """Of one file; hashes are of its events in the order and orientation of the file."""

    format: str
    width: int
    """Pixels."""
    height: int
    sensor_from: str
    """Who says so: the file, its format, an option, or nobody: a guess; so for all of these."""
    layout: str
    """Whose way of laying out arrays or columns it is, where the format has several."""
    camera: str | None
    camera_from: str | None
    unit: str
    """Of the times in the file."""
    unit_from: str
    events: int
    t_first_us: int
    t_last_us: int
    on_share: float
    time_steps_back: int
    lost_bytes: int
    sha256_t: str
    sha256_x: str
    sha256_y: str
    sha256_p: str
    warnings: tuple[str, ...] = field(default=())
    """What was guessed, is odd or damaged, a line each."""

    def row(self) -> dict[str, Any]:
        """Flat; the warnings are one text."""
        return asdict(self) | {"warnings": "; ".join(self.warnings)}


def summarise(
    path: str | Path,
    on_events: Callable[[int], None] = lambda count: None,
    options: ReadOptions = AS_STATED,
) -> Summary:
    """Read a file through.

    Args:
        path: an event file of any format.
        on_events: told how many more events were read.
        options: how to read it, where it does not say.

    Raises:
        FileNotFoundError, UserError: as `open_events`; it holds no events.
    """
    hashes = {name: hashlib.sha256() for name in HASHED}
    on = last = 0
    with open_events(path, options) as file:
        source = file.source
        for events in source.stored():
            for name, kind in HASHED.items():
                hashes[name].update(np.ascontiguousarray(events[name], kind).data)
            last = int(events["t"][-1])
            on += int(np.count_nonzero(events["p"] != source.inverted))
            on_events(len(events))
        source.refuse_empty()
    about, damage = source.about, source.damage
    return Summary(
        format=file.format,
        width=source.bounds[0],
        height=source.bounds[1],
        sensor_from=about.sensor_from,
        layout=about.layout,
        camera=about.camera,
        camera_from=about.camera_from,
        unit=about.unit,
        unit_from=about.unit_from,
        events=source.count,
        t_first_us=source.first_us,
        t_last_us=last,
        on_share=on / source.count,
        time_steps_back=damage.time_steps_back,
        lost_bytes=damage.lost_bytes,
        sha256_t=hashes["t"].hexdigest(),
        sha256_x=hashes["x"].hexdigest(),
        sha256_y=hashes["y"].hexdigest(),
        sha256_p=hashes["p"].hexdigest(),
        warnings=tuple(source.warnings()),
    )
