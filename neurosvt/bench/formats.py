"""Reading event files: ours beside the libraries that are installed, on the same files.

Everyone hands out all events as NumPy arrays, in pieces if it can, and keeps none; the files are in
the page cache after the first turn. Ours also counts what is damaged, and checks the sensor.
"""

import atexit
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import numpy as np

from neurosvt.bench.timing import Candidate
from neurosvt.datasets.folder import data_root
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import open_events, write_events

MEASURED_FORMATS = {
    "evt3": "raw", "evt2.1": "raw", "evt2": "raw", "dat": "dat", "aedat3": "aedat",
    "aedat4": "aedat4",
}  # fmt: skip
"""What is measured, and the ending by which others know it."""
CAMERA_FILES = {
    "evt3": ("prophesee/evt3_gen41_1280x720.raw",),
    "evt2": ("prophesee/evt2_gen3_640x480.raw",),
    "aedat4": ("aedat4/davis346_all_streams.aedat4", "aedat4/tonic_sample.aedat4"),
}
"""Recordings of cameras in each format, in the folder `camera_files` of the data sets. They are
short, so that opening them counts."""
SENSOR_SIDES = (1280, 720)
RATE = 10
"""Events a microsecond of the made-up camera."""


def edges(count: int, seed: int = 0) -> Recording:
    """Events as moving edges make them: in rows of neighbours of one moment and polarity, 1 to 24
    long, at ten events a microsecond."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 25, count)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    starts = starts[: np.searchsorted(starts, count)]
    row = np.zeros(count, np.int64)
    row[starts[1:]] = 1
    row = np.cumsum(row)
    within = np.arange(count) - starts[row]
    events = np.empty(count, EVENT)
    events["t"] = starts[row] // RATE
    events["x"] = rng.integers(0, SENSOR_SIDES[0] - 25, len(starts))[row] + within
    events["y"] = rng.integers(0, SENSOR_SIDES[1], len(starts))[row]
    events["p"] = (rng.random(len(starts)) < 0.5)[row]
    return Recording(events, *SENSOR_SIDES)


class PeerReader(NamedTuple):
    """How a library reads a file, and which formats it reads."""

    read: Callable[[Path], int]
    """All events; returns how many."""
    formats: set[str]


def reading_candidates(count: int = 8_000_000) -> Iterator[Candidate]:
    """Readers of `count` events in every format, from files that are removed at exit; and of the
    cameras' own recordings, where they are there."""
    recording, folder = edges(count), Path(mkdtemp(prefix="neurosvt-bench-"))
    atexit.register(shutil.rmtree, folder)
    for name, ending in MEASURED_FORMATS.items():
        path = folder / f"{name}.{ending}"
        write_events(path, recording, name)
        yield from _readers(name, path, f"read {name}")
    for name, files in CAMERA_FILES.items():
        for path in (data_root() / "camera_files" / file for file in files):
            if path.is_file():
                yield from _readers(name, path, f"read {name}: {path.stem}")


def _readers(name: str, path: Path, what: str) -> Iterator[Candidate]:
    """All that read a file of this format; they have to find as much in it."""
    count = _neurosvt(path)
    for reader, peer in READERS.items():
        if find_spec(reader) and name in peer.formats:
            found = peer.read(path)
            if found != count:
                raise RuntimeError(f"{reader} finds {found} events of {count} in {path}")
            yield Candidate(
                reader, what, f"{count:,} events", "events", partial(peer.read, path),
                elements=count,
            )  # fmt: skip


def _neurosvt(path: Path) -> int:
    with open_events(path) as file:
        return sum(len(events) for events in file.source.chunks())


def _faery(path: Path) -> int:
    import faery

    return sum(len(events) for events in faery.events_stream_from_file(path))


def _eventcv(path: Path) -> int:
    import eventcv

    return len(eventcv.load(str(path), sensor_size=SENSOR_SIDES).numpy())


READERS = {
    "neurosvt": PeerReader(_neurosvt, set(MEASURED_FORMATS)),
    "faery": PeerReader(_faery, {"evt3", "evt2", "dat", "aedat4"}),
    "eventcv": PeerReader(_eventcv, {"evt3", "evt2", "dat", "aedat4"}),
}
"""By the name of the package."""
