"""Events in arrays, of whichever layout, as microseconds and pixels: HDF5, npz, npy and text.

Times that are no whole microseconds become such: rounded, where they are floats.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from neurosvt.config import UserError, first_line
from neurosvt.events.recording import pack_events, refuse_three_polarities
from neurosvt.formats.about import FILE, FORMAT, GUESS, OPTION, About
from neurosvt.formats.layouts import find_events, stated_size
from neurosvt.formats.options import TIME_UNITS, ReadOptions
from neurosvt.formats.source import SensorSize, Source, packed

SLICE = 1 << 17
"""Events that are taken at once."""
_WHOLE = 2.0**53
"""Floats beyond this are no longer every whole number."""

Columns = dict[str, np.ndarray]
"""t, x, y, p, each (n,), as the file holds them."""


class Arrays(Source):
    """Four columns, in slices.

    Args:
        take: gives the columns of rows from one to another.
        length: how many rows there are.
        sensor: as the file states it.
        about: who said what.
        offset: added to every time, microseconds.
        label: class of what the file shows, where it says so.
    """

    def __init__(
        self,
        take: Callable[[int, int], Columns],
        length: int,
        sensor: SensorSize | None,
        about: About,
        *,
        offset: int = 0,
        label: int | None = None,
    ):
        super().__init__(sensor, about=about)
        self.take, self.length, self.offset, self.label = take, length, offset, label
        self.seen = np.zeros(3, bool)
        """Which of the polarities -1, 0 and 1 there were."""

    def rewind(self) -> None:
        pass

    def chunks(self) -> Iterator[np.ndarray]:
        for start in range(0, self.length, SLICE):
            stop = min(start + SLICE, self.length)
            try:
                columns = self.take(start, stop)
            except UserError:
                raise
            except Exception as error:  # a damaged byte makes HDF5 raise nearly anything
                self.damage.notes.append(
                    f"{self.length - start:,} events could not be read ({first_line(error)})"
                )
                return
            events = self.to_events(columns)
            if len(events):
                yield events

    def to_events(self, columns: Columns) -> np.ndarray:
        """Events (n,) from columns.

        Raises:
            UserError: columns that cannot be.
        """
        whole = {name: whole_numbers_of(name, columns[name]) for name in ("x", "y", "p")}
        events = pack_events(microseconds(columns["t"], self.about.unit), **whole)
        if whole["p"].dtype.kind == "i":
            self.seen |= np.isin([-1, 0, 1], whole["p"])
            refuse_three_polarities(*map(bool, self.seen[:2]))
        events["t"] += self.offset
        events = packed(self.state, *(events[name] for name in ("t", "x", "y", "p")))
        self.account()
        return events


def arrays_source(
    leaves: Mapping[str, Any],
    attributes: Callable[[str], Mapping[str, Any]],
    options: ReadOptions,
    *,
    label: int | None = None,
    check: Callable[[Any], None] = lambda array: None,
) -> Arrays:
    """The events among arrays.

    Args:
        leaves: every array by its path.
        attributes: what stands beside an array or a group, by its path.
        options: which camera, and the unit of time.
        label: class of what the file shows, where it says so.
        check: refuses an array that cannot be read.

    Raises:
        UserError: as `find_events`, columns of different length, or times of no known unit.
    """
    found, camera = find_events(leaves, options.camera)
    for array in found.arrays.values():
        check(array)
    if found.fields:
        (array,) = found.arrays.values()
        length = array.shape[0]
        kind = array.dtype[found.fields["t"]] if array.dtype.names else array.dtype
        take = _take_fields(array, found.fields)
    else:
        times = found.arrays["t"]
        if times.ndim != 1:
            raise UserError(f"{found.path}: t, x, y, p must be lists, got {times.shape}")
        length, kind = times.shape[0], times.dtype
        take = _take_columns(found.arrays)
    about = About(
        layout=found.layout.name if found.layout else "",
        sensor_from=FILE,
        camera=camera,
        camera_from=OPTION if options.camera else FILE if camera else None,
    )
    sensor = stated_size(found.path, leaves, attributes)
    stated = str(dict(attributes(found.path)).get("unit", ""))
    if found.layout and not stated:
        about.unit_from = FORMAT
        stated = (found.layout.float_unit if kind.kind == "f" else found.layout.unit) or ""
    else:
        about.unit_from = FILE
    settle_unit(about, stated, kind, options)
    return Arrays(take, length, sensor, about, offset=_offset(found.path, leaves), label=label)


def settle_unit(about: About, stated: str, kind: np.dtype[Any], options: ReadOptions) -> None:
    """Note the unit of times, and who says so.

    Args:
        about: `unit_from` says who stated it.
        stated: a key of `TIME_UNITS`; another word where nobody did.
        kind: of the numbers that the times are.
        options: may say it where nobody did.

    Raises:
        UserError: floats of a unit that nobody says.
    """
    if stated in TIME_UNITS:
        about.unit = stated
    elif options.unit:
        about.unit, about.unit_from = options.unit, OPTION
    elif kind.kind == "f":
        raise UserError(f"t holds {kind}, as seconds do: say its unit, --unit s, ms, us or ns")
    else:
        about.unit_from = GUESS


def _take_fields(array: Any, fields: Mapping[str, Any]) -> Callable[[int, int], Columns]:
    def take(start: int, stop: int) -> Columns:
        part = array[start:stop]
        if part.dtype.names:
            return {ours: part[theirs] for ours, theirs in fields.items()}
        return {ours: part[:, column] for ours, column in fields.items()}

    return take


def _take_columns(arrays: Mapping[str, Any]) -> Callable[[int, int], Columns]:
    return lambda start, stop: {name: array[start:stop] for name, array in arrays.items()}


def _offset(path: str, leaves: Mapping[str, Any]) -> int:
    """`t_offset`, in the group, beside it or at the root."""
    for place in (f"{path}/", path.rpartition("/")[0] + "/", ""):
        if (found := leaves.get(place.lstrip("/") + "t_offset")) is not None:
            value = np.asarray(found[()])
            if value.size != 1 or value.dtype.kind not in "iu" or abs(int(value)) > 2**62:
                raise UserError(f"t_offset must be one integer, got {value.dtype} {value.shape}")
            return int(value)
    return 0


def microseconds(t: np.ndarray, unit: str) -> np.ndarray:
    """Times (n,) in a unit as whole microseconds.

    Raises:
        UserError: one that is no time, or too large for one.
    """
    if t.dtype.kind not in "iuf":
        raise UserError(f"t must hold numbers, got {t.dtype}")
    scale = TIME_UNITS[unit]
    if not t.size or (unit == "us" and t.dtype.kind != "f"):
        return t
    if not np.isfinite(t).all() or max(abs(float(t.min())), abs(float(t.max()))) * scale >= 2**62:
        raise UserError(f"t holds what is no time in {unit}: {t.min()} to {t.max()}")
    if t.dtype.kind == "f":
        rounded: np.ndarray = np.rint(t.astype(np.float64) * scale).astype(np.int64)
        return rounded
    return t.astype(np.int64) // 1000 if unit == "ns" else t.astype(np.int64) * int(scale)


def whole_numbers_of(name: str, column: np.ndarray) -> np.ndarray:
    """A column (n,) of whole numbers, which floats may stand for.

    Raises:
        UserError: a number that is not whole.
    """
    if column.dtype.kind != "f":
        return column
    if not (np.isfinite(column).all() and (abs(column) < _WHOLE).all()):
        raise UserError(f"{name} holds what is no number")
    whole = column.astype(np.int64)
    if (whole != column).any():
        raise UserError(f"{name} must hold whole numbers, got {column[whole != column][0]:g}")
    return whole
