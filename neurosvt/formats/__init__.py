"""Files of event cameras: one file here for each format, found by what a file begins with.

    with open_events("recording.raw") as file:
        for events in file.source.upright():  # (n,) of dtype `EVENT`, a megabyte or so at a time
            ...

`read_events` gives all at once, `write_events` writes, `convert` does both in bounded memory.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import numpy as np

from neurosvt.config import ConfigError, Registry, UserError
from neurosvt.events.recording import EVENT, Recording
from neurosvt.files import whole_file
from neurosvt.formats import (
    aedat2,
    aedat3,
    aedat4,
    comma,
    dat,
    evt2,
    evt3,
    evt4,
    evt21,
    hdf5,
    nmnist,
    npy,
    npz,
    rosbag,
    text,
)  # fmt: skip
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import Source

_MODULES = (
    aedat2, aedat3, aedat4, evt2, evt21, evt3, evt4, dat, npz, npy, hdf5, rosbag, text, comma,
    nmnist,
)  # fmt: skip
FORMATS: Registry[ModuleType] = Registry("format", {module.NAME: module for module in _MODULES})
"""By name, in the order in which they are tried: nmnist, which has no header, last."""

REFUSED = {
    b"Event Stream": "Event Stream (.es) is not read; its own library converts it",
    b"MATLAB 5.0": "MATLAB files are not read; save t, x, y, p as npz or HDF5",
    b"#!AER-DAT1": "AEDAT 1.0 is not read; jAER saves it as AEDAT 2.0",
}
"""What files begin with that are known and not read."""


class DamageWarning(UserWarning):
    """A file was read as far as it is sound, and something is missing, odd or guessed."""


@dataclass(frozen=True)
class EventFile:
    """An open event file."""

    path: Path
    format: str
    source: Source


@contextmanager
def open_events(path: str | Path, options: ReadOptions = AS_STATED) -> Iterator[EventFile]:
    """Open a file of any format. One that does not state its sensor is read through first.

    Args:
        path: the file.
        options: how to read it, where it does not say.

    Raises:
        FileNotFoundError: no such file.
        UserError: empty, of no known format, or damaged before its first event; an option that it
            leaves nothing to decide for; one line that names it. What is damaged later, and what
            was guessed, is told by `source.warnings()` when all is read.
    """
    path = Path(path)
    holder = path / rosbag.FOLDER if path.is_dir() else path
    if not holder.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with open(holder, "rb") as stream:
        name = recognised(path, stream)
        stream.seek(0)
        try:
            source = FORMATS[name].open_source(stream, options)
            source.use(options)
            yield EventFile(path, name, source)
        except ConfigError:
            raise
        except UserError as error:
            raise UserError(f"{path}: {' '.join(str(error).split())}") from error


def recognised(path: Path, stream: BinaryIO) -> str:
    """The name of a file's format, by its content."""
    head = stream.read(64)
    if not head:
        raise UserError(f"{path} is empty")
    for magic, why in REFUSED.items():
        if head.startswith(magic):
            raise UserError(f"{path}: {why}")
    magics = [*REFUSED, *(m.MAGIC for m in FORMATS.values() if hasattr(m, "MAGIC"))]
    if any(len(head) < len(magic) and magic.startswith(head) for magic in magics):
        raise UserError(f"{path} ends within its header")
    for name, module in FORMATS.items():
        stream.seek(0)
        try:
            if module.recognises(stream):
                return name
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
    raise UserError(f"{path} is no event file that is known; known are {', '.join(FORMATS)}")


def _warn(line: str) -> None:
    warnings.warn(line, DamageWarning, stacklevel=3)


def read_events(
    path: str | Path,
    on_damage: Callable[[str], None] = _warn,
    options: ReadOptions = AS_STATED,
) -> Recording:
    """All events of a file, x to the right and y down, as one recording.

    Args:
        path: an event file of any format.
        on_damage: told in a line each what could not be read, is odd, or was guessed; warns, unless
            given.
        options: how to read it, where it does not say.

    Raises:
        FileNotFoundError, UserError: as `open_events`, and if it holds no events.

    Warns:
        DamageWarning: what could not be read, is odd, or was guessed.
    """
    with open_events(path, options) as file:
        events = np.concatenate([np.empty(0, EVENT), *file.source.upright()])
        file.source.refuse_empty()
    for line in file.source.warnings():
        on_damage(f"{path}: {line}")
    label = getattr(file.source, "label", None)
    return Recording(events, *file.source.bounds, label, file.path.stem)


def write_events(path: str | Path, recording: Recording, name: str | None = None) -> None:
    """Write a recording; the file appears whole or not at all.

    Args:
        path: where to; its ending says the format, unless `name` does.
        recording: what to write.
        name: a key of `FORMATS`.

    Raises:
        UserError: a format that is unknown or cannot be written, or cannot hold these events.
    """
    source = npz.Whole(recording.events, (recording.width, recording.height))
    _write(Path(path), source, name)


def convert(
    path: str | Path,
    to: str | Path,
    name: str | None = None,
    on_events: Callable[[int], None] = lambda count: None,
    options: ReadOptions = AS_STATED,
) -> Source:
    """Write the events of one file as another, in bounded memory; returns what was read, whose
    `warnings` say what the first file lacked, and what was guessed. A guess is not written down.

    Args:
        path: an event file of any format.
        to: where to; its ending says the format, unless `name` does.
        name: a key of `FORMATS`.
        on_events: told how many more events were read.
        options: how to read the first, where it does not say.

    Raises:
        FileNotFoundError, UserError: as `open_events` and `write_events`; it holds no events.
    """
    with open_events(path, options) as file:
        if Path(to).exists() and Path(to).samefile(path):
            raise UserError(f"{to} is the file itself")
        file.source.on_events = on_events
        _write(Path(to), file.source, name, Source.refuse_empty)
        return file.source


def _write(
    path: Path,
    source: Source,
    name: str | None,
    check: Callable[[Source], None] = lambda source: None,
) -> None:
    module = FORMATS[name or _by_ending(path)]
    if not hasattr(module, "write"):
        raise UserError(f"{module.NAME} cannot be written")
    with whole_file(path) as stream:
        module.write(stream, source)
        check(source)


def _by_ending(path: Path) -> str:
    fits = [name for name, module in FORMATS.items() if path.suffix == module.ENDING]
    if not fits:
        raise UserError(
            f"{path}: no format ends in {path.suffix!r}; name one of {', '.join(FORMATS)}"
        )
    if len(fits) > 1:
        raise UserError(f"{path}: {', '.join(fits)} end in {path.suffix}; name one of them")
    return fits[0]
