"""HDF5 with a group of four arrays x, y, t, p, as in DSEC, M3ED and TUM-VIE; the extra `data`.

Times are whole microseconds, to which a `t_offset` beside the group or at the root is added. The
group is found wherever it lies; a file with several, say a left and a right camera's, is refused.
Attributes `width` and `height` of the group or the root state the sensor.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from neurosvt.config import ConfigError, UserError
from neurosvt.events.recording import EVENT, pack_events
from neurosvt.formats.source import Source, packed

NAME = "hdf5"
ENDING = ".h5"
MAGIC = b"\x89HDF\r\n\x1a\n"
_NAMES = {"t": ("t", "ts", "timestamp"), "x": ("x",), "y": ("y",), "p": ("p", "pol", "polarity")}
SLICE = 1 << 17
"""Events that are read at once."""


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as HDF5 does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO) -> Source:
    """Its events.

    Raises:
        UserError: damaged, no such group, or several.
        ConfigError: h5py is not installed.
    """
    h5py = _h5py()
    try:
        file = h5py.File(stream, "r")
        groups = _groups(h5py, file)
    except Exception as error:  # a damaged byte makes HDF5 raise nearly anything
        raise UserError(f"is damaged, or is no HDF5 file ({_line(error)})") from None
    if len(groups) != 1:
        found = ", ".join(group.name for group in groups) or "none"
        raise UserError(f"needs one group with arrays t, x, y, p; it has {found}")
    return Group(groups[0], file)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ConfigError("HDF5 needs: pip install 'neurosvt[data]'") from error
    return h5py


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _groups(h5py: Any, file: Any) -> list[Any]:
    found = [file] if _columns(file) else []

    def look(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Group) and _columns(entry):
            found.append(entry)

    file.visititems(look)
    return found


def _columns(group: Any) -> dict[str, Any] | None:
    """The four arrays of a group, by our names."""
    columns = {}
    for name, others in _NAMES.items():
        there = [other for other in others if other in group and hasattr(group[other], "shape")]
        if not there:
            return None
        columns[name] = group[there[0]]
    return columns


class Group(Source):
    """The arrays of a group, in slices."""

    def __init__(self, group: Any, file: Any):
        try:
            columns = _columns(group)
            assert columns is not None
            self.columns = columns
            shapes = {column.shape for column in columns.values()}
            if len(shapes) != 1 or len(next(iter(shapes))) != 1:
                raise UserError(f"{group.name}: t, x, y, p must be lists of one length")
            self.offset = next(
                (int(holder["t_offset"][()]) for holder in (group, group.parent, file)
                 if "t_offset" in holder), 0,
            )  # fmt: skip
            stated = {**file.attrs, **group.attrs}
            sensor = (int(stated["width"]), int(stated["height"])) if "width" in stated else None
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{group.name} is damaged ({_line(error)})") from None
        super().__init__(sensor)

    def chunks(self) -> Iterator[np.ndarray]:
        length = self.columns["t"].shape[0]
        for start in range(0, length, SLICE):
            try:
                part = {n: c[start : start + SLICE] for n, c in self.columns.items()}
            except Exception as error:
                self.damage.notes.append(
                    f"{length - start:,} events could not be read ({_line(error)})"
                )
                return
            events = pack_events(part["t"], part["x"], part["y"], part["p"])
            events["t"] += self.offset
            events = packed(self.state, *(events[name] for name in ("t", "x", "y", "p")))
            self.account()
            if len(events):
                yield events


def write(stream: BinaryIO, source: Source) -> None:
    """Write events into a group `events`, compressed, growing as they come."""
    h5py = _h5py()
    with h5py.File(stream, "w") as file:
        group = file.create_group("events")
        if source.sensor:
            group.attrs["width"], group.attrs["height"] = source.sensor
        kinds = {name: EVENT[name] for name in EVENT.names or ()}
        kinds["p"] = np.dtype(np.uint8)
        columns = {
            name: group.create_dataset(
                name, (0,), kind, maxshape=(None,), chunks=(SLICE,), compression="gzip",
                compression_opts=1, shuffle=True,
            )
            for name, kind in kinds.items()
        }  # fmt: skip
        for events in source.upright():
            for name, column in columns.items():
                column.resize(len(column) + len(events), 0)
                column[-len(events) :] = events[name]
