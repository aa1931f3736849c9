"""Where events lie among the arrays of an HDF5 or NumPy file: whose layout it is, by one table.

Events are four arrays in one group (columns), a structured array (fields), or an N x 4 matrix,
whose columns are in a known order in known layouts alone. Where a file holds several cameras, one
of them has to be named.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from neurosvt.config import UserError
from neurosvt.formats.source import SensorSize

COLUMN_NAMES = {
    "t": ("t", "ts", "timestamp", "timestamps", "time"),
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "p": ("p", "ps", "pol", "polarity", "polarities"),
}
"""What the four columns are called."""


@dataclass(frozen=True)
class Layout:
    """How a data set, a simulator or a library lays out events."""

    name: str
    path: str
    """Pattern of the path of the group or array."""
    beside: str = ""
    """Pattern of the name of an array that only this layout has in the file."""
    order: str = ""
    """Of the columns of a matrix."""
    unit: str | None = None
    """Of time; None where it differs from file to file."""
    float_unit: str | None = None
    """The same where times are floats."""


LAYOUTS = (
    Layout("DSEC", r"events", beside=r"ms_to_idx", unit="us"),
    Layout("M3ED", r"prophesee/\w+", beside=r".*ms_map_idx", unit="us"),
    Layout("RVT", r"events", beside=r"events/(height|divt)", unit="us"),
    Layout("MVSEC", r"davis/\w+/events", order="xytp", float_unit="s"),
    Layout("v2e", r"events", order="txyp", unit="us"),
    Layout("Metavision", r"CD/events", unit="us"),
    Layout("event_utils", r"events", beside=r"events/xs", float_unit="s"),
)
"""In the order in which they are tried. Sources: the readers that came with each data set or tool.
What is none of them is read all the same if its columns have names; its unit is then a guess."""


@dataclass(frozen=True)
class Events:
    """Where the events of one camera lie."""

    path: str
    arrays: Mapping[str, Any] = field(repr=False)
    """Columns by our names; or one array for all four, under its path."""
    fields: Mapping[str, Any]
    """Of a structured array its fields, of a matrix its columns, by our names; else empty."""
    layout: Layout | None


def find_events(leaves: Mapping[str, Any], camera: str | None) -> tuple[Events, str | None]:
    """The events of a camera, and its name where there is one.

    Args:
        leaves: every array by its path.
        camera: which one, if there are several.

    Raises:
        UserError: none, or several and no camera is named, or no such camera.
    """
    found = [*_in_columns(leaves), *_in_one_array(leaves)]
    readable = [events for events in found if events.arrays]
    if not readable and found:
        raise UserError(
            f"{found[0].path} has four columns in no order that is known: "
            "save them as t, x, y, p, or as a structured array"
        )
    if not readable:
        raise UserError(_nothing_in(leaves))
    chosen, name = choose_camera([events.path for events in readable], camera)
    return readable[chosen], name


def choose_camera(paths: list[str], camera: str | None) -> tuple[int, str | None]:
    """Which of the paths of events is that of a camera, and its name where there is one.

    Raises:
        UserError: several and no camera is named, or no such camera.
    """
    names = _names(paths)
    if camera is not None:
        chosen = [i for i, path in enumerate(paths) if camera in (names[i], path)]
        if not chosen:
            there = " or ".join(filter(None, names)) or "one without a name"
            raise UserError(f"has no camera {camera!r}: it has {there}")
        return chosen[0], camera
    if len(paths) > 1:
        raise UserError(f"has {len(names)} cameras: choose with --camera {' or '.join(names)}")
    return 0, names[0] or None


def _in_columns(leaves: Mapping[str, Any]) -> Iterator[Events]:
    groups: dict[str, dict[str, Any]] = {}
    for path, array in leaves.items():
        group, _, name = path.rpartition("/")
        groups.setdefault(group, {})[name] = array
    for path, arrays in groups.items():
        columns = matched(arrays)
        if columns and len({arrays[name].shape for name in columns.values()}) == 1:
            named = {ours: arrays[theirs] for ours, theirs in columns.items()}
            yield Events(path, named, {}, _layout(path, leaves, ""))


def _in_one_array(leaves: Mapping[str, Any]) -> Iterator[Events]:
    for path, array in leaves.items():
        if array.dtype.names:
            if columns := matched(dict.fromkeys(array.dtype.names)):
                yield Events(path, {path: array}, columns, _layout(path, leaves, ""))
        elif array.ndim == 2 and array.shape[1] == 4 and array.dtype.kind in "iuf":
            layout = _layout(path, leaves, array.dtype.kind)
            order = {name: i for i, name in enumerate(layout.order)} if layout else {}
            if layout or path.rpartition("/")[2] == "events":
                yield Events(path, {path: array} if layout else {}, order, layout)


def matched(names: Mapping[str, Any]) -> dict[str, str] | None:
    """Their name of each of the four columns, if all are among `names`."""
    columns = {}
    for ours, others in COLUMN_NAMES.items():
        there = [other for other in others if other in names]
        if not there:
            return None
        columns[ours] = there[0]
    return columns


def _layout(path: str, leaves: Mapping[str, Any], matrix: str) -> Layout | None:
    """Whose layout it is; `matrix` is the kind of numbers of a matrix, else empty."""
    for layout in LAYOUTS:
        fits = bool(layout.order) == bool(matrix) and re.fullmatch(layout.path, path)
        if layout.unit and not layout.float_unit and matrix == "f":
            continue  # whole microseconds are none
        if fits and (
            not layout.beside or any(re.fullmatch(layout.beside, other) for other in leaves)
        ):
            return layout
    return None


def _names(paths: list[str]) -> list[str]:
    """What tells cameras apart: what is left of their paths without what all share."""
    parts = [path.split("/") for path in paths]
    if len(parts) == 1:
        return [next((part for part in parts[0] if part in ("left", "right")), "")]
    return [
        "/".join(p for p in one if not all(p in other for other in parts)) or path
        for one, path in zip(parts, paths, strict=True)
    ]


def _nothing_in(leaves: Mapping[str, Any]) -> str:
    there = {path.rpartition("/")[2] for path in leaves}
    missing = [name for name, others in COLUMN_NAMES.items() if not there & set(others)]
    told = [f"{path} ({' x '.join(map(str, a.shape)) or 'one'})" for path, a in leaves.items()]
    has = ", ".join(told[:5]) + ", ..." * (len(told) > 5) or "no arrays"
    if not missing:
        return f"t, x, y, p must be lists of one length in one group; it has {has}"
    return f"holds no {', '.join(missing)}, nor a structured array of events; it has {has}"


def stated_size(
    path: str, leaves: Mapping[str, Any], attributes: Callable[[str], Mapping[str, Any]]
) -> SensorSize | None:
    """The sensor of the events at a path, in whichever of their ways a file states it.

    Raises:
        UserError: it is stated in a way that cannot be.
    """
    group = path if any(leaf.startswith(f"{path}/") for leaf in leaves) else path.rpartition("/")[0]
    for place in dict.fromkeys((path, group, "")):
        inner = f"{place}/" if place else ""
        stated = dict(attributes(place))
        stated |= {
            name: leaves[inner + name][()]
            for name in ("width", "height", "calib/resolution")
            if inner + name in leaves
        }
        try:
            if "width" in stated and "height" in stated:
                return int(stated["width"]), int(stated["height"])
            if "geometry" in stated:
                width, height = str(stated["geometry"]).split("x")
                return int(width), int(height)
            if "calib/resolution" in stated:
                width, height = stated["calib/resolution"]
                return int(width), int(height)
            if "sensor_resolution" in stated:  # rows first, as shapes of arrays are
                height, width, *_ = stated["sensor_resolution"]
                return int(width), int(height)
        except (TypeError, ValueError) as error:
            raise UserError(f"states its sensor in a way that cannot be ({error})") from None
    return None
