"""Events as lines of numbers: `events.txt` of UZH's data sets, v2e and e2vid, and comma-separated
ones (`comma`), Metavision's among them.

Lines with # or % come first and may state the geometry, as may a line of two numbers (e2vid); a
line of words names the columns. Without names the order is `t x y p`, or with commas Metavision's
`x,y,p,t`, if the events can be such; else it is asked for. Times with a point are seconds.
"""

import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError
from neurosvt.formats.about import FORMAT, GUESS, OPTION, About
from neurosvt.formats.arrays import Arrays
from neurosvt.formats.layouts import matched
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import BLOCK_BYTES, SensorSize, Source

NAME = "text"
ENDING = ".txt"
_HEAD_BYTES = 1 << 14
"""The header, and the lines that the order of columns is judged by."""
_ORDERS = ("txyp", "xypt", "xytp")
_SPACES = bytes.maketrans(b",;\t\r\n", b"     ")
_ROWS = 1 << 15
"""Lines that are written at once."""


@dataclass(frozen=True)
class Head:
    """What the first lines say."""

    start: int
    """Byte of the first event."""
    sensor: SensorSize | None
    names: list[str]
    """Of the columns, in small letters; empty if they have none."""
    sample: np.ndarray
    """(n, columns) float64: the first lines of events."""
    commas: bool
    points: bool
    """Whether the first line has numbers with a point."""
    metavision: bool
    """The geometry stands there in Metavision's way."""


def recognises(stream: BinaryIO) -> bool:
    """Lines of at least four numbers, apart by spaces."""
    head = read_head(stream)
    return head is not None and not head.commas


def read_head(stream: BinaryIO) -> Head | None:
    """What the first lines say; None where they are no lines of events."""
    start, data = stream.tell(), stream.read(_HEAD_BYTES)
    if not re.fullmatch(rb"[\t\n\r -~]+", data):
        return None
    lines = data.splitlines(keepends=True)
    if len(lines) > 1 and not data.endswith(b"\n"):
        lines.pop()  # goes on behind what was read
    sensor, names, metavision = None, list[str](), False
    for i, line in enumerate(lines):
        text = line.decode().strip()
        words = re.split(r"[\s,;]+", text.lower().strip(",;"))
        if found := re.search(r"geometry\W*(\d{1,9})\s*[,x ]\s*(\d{1,9})(?!\d)", text.lower()):
            sensor, metavision = (int(found[1]), int(found[2])), text.startswith("%")
        elif not text or text[0] in "#%":
            pass
        elif re.fullmatch(r"\d{1,9}\s+\d{1,9}", text) and not sensor:
            sensor = int(words[0]), int(words[1])
        elif not names and re.match(r"[a-z]", words[0]):
            names = [re.split(r"[\W_]", word)[0] for word in words if word]
            if not matched(dict.fromkeys(names)):
                return None
        else:
            rows = [_numbers(row) for row in lines[i:]]
            if rows[0] is None or len(rows[0]) < 4 or (names and len(rows[0]) != len(names)):
                return None
            same = [row for row in rows if row is not None and len(row) == len(rows[0])]
            first = start + sum(map(len, lines[:i]))
            commas = b"," in line or b";" in line
            sample = np.array(same)
            return Head(first, sensor, names, sample, commas, b"." in line, metavision)
    if not (sensor or names):
        return None
    empty = np.empty((0, len(names) or 4))
    return Head(start + len(data), sensor, names, empty, b"," in data, False, metavision)


def _numbers(line: bytes) -> list[float] | None:
    if re.search(rb"[^\d\s.,;eE+-]", line):
        return None  # nan and inf are floats to Python
    try:
        numbers = [float(word) for word in line.translate(_SPACES).split()]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: columns in an order that is not known.
    """
    head = read_head(stream)
    assert head is not None
    about = About(layout="Metavision" if head.metavision else "")
    if options.unit:
        about.unit, about.unit_from = options.unit, OPTION
    elif head.points:
        about.unit, about.unit_from = "s", FORMAT
    elif not head.metavision:
        about.unit_from = GUESS
    return Lines(stream, head, _order(head), about)


def _order(head: Head) -> dict[str, int]:
    """Which column holds t, x, y and p.

    Raises:
        UserError: it is not stated, and the events do not decide it.
    """
    if named := matched(dict.fromkeys(head.names)):
        return {ours: head.names.index(theirs) for ours, theirs in named.items()}
    usual = "xypt" if head.commas else "txyp"
    if not len(head.sample):
        return {name: i for i, name in enumerate(usual)}
    can_be = [order for order in _ORDERS if _fits(head.sample, order)]
    if head.sample.shape[1] != 4 or not can_be or (usual not in can_be and len(can_be) > 1):
        raise UserError(
            "does not say which column is which: name them in a first line, such as t,x,y,p"
        )
    return {name: i for i, name in enumerate(usual if usual in can_be else can_be[0])}


def _fits(sample: np.ndarray, order: str) -> bool:
    """Whether columns in this order could be events."""
    t, x, y, p = (sample[:, order.index(name)] for name in "txyp")
    pixels = all(((c >= 0) & (c < 1 << 16) & (c % 1 == 0)).all() for c in (x, y))
    rising = len(t) == 1 or (np.diff(t) >= 0).mean() > 0.5
    return bool(pixels and rising and np.isin(p, (-1, 0, 1)).all())


class Lines(Arrays):
    """Its lines, a megabyte or so at a time."""

    def __init__(self, stream: BinaryIO, head: Head, order: dict[str, int], about: About):
        super().__init__(lambda start, stop: {}, 0, head.sensor, about)
        self.stream, self.head, self.order = stream, head, order
        self.rewind()

    def rewind(self) -> None:
        self.stream.seek(self.head.start)
        self.line = 0

    def chunks(self) -> Iterator[np.ndarray]:
        rest = b""
        while block := self.stream.read(BLOCK_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if len(rest) > _HEAD_BYTES:
                raise UserError(f"has a line of more than {_HEAD_BYTES:,} bytes")
            yield from self._events(whole + newline)
        # A last line without its end is whole only if no digit can be missing: polarity has one.
        if rest.strip():
            columns = self.head.sample.shape[1]
            if len(rest.translate(_SPACES).split()) == columns == self.order["p"] + 1:
                yield from self._events(rest)
            else:
                self.damage.lost_bytes += len(rest)

    def _events(self, text: bytes) -> Iterator[np.ndarray]:
        columns = self._columns(text)
        self.line += text.count(b"\n")
        events = self.to_events({name: columns[i] for name, i in self.order.items()})
        if len(events):
            yield events

    def _columns(self, text: bytes) -> list[np.ndarray]:
        """The columns, each (n,), of whole lines.

        Raises:
            UserError: a line that is none of so many numbers.
        """
        count, rows = self.head.sample.shape[1], _filled(text)
        for parse in (_by_arrow, _by_numpy):
            columns = parse(text, count)
            if len(columns) == count and len(columns[0]) == rows:
                return columns
        for i, line in enumerate(text.splitlines(), self.line + 1):
            found = _numbers(line)
            if found is None or len(found) not in (0, count):
                raise UserError(f"event {i:,} is no {count} numbers: {line.decode()[:40]!r}")
        raise UserError("has lines that are no numbers")


def _by_arrow(text: bytes, count: int) -> list[np.ndarray]:
    """Columns by the fastest reader, where it is there; none where it does not understand them."""
    try:
        import pyarrow
        from pyarrow import csv
    except ImportError:
        return []
    names = [str(i) for i in range(count)]
    separator = re.search(rb"[,;\t ]", text)
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(text),
            csv.ReadOptions(use_threads=False, column_names=names),
            csv.ParseOptions(delimiter=separator[0].decode() if separator else ","),
            csv.ConvertOptions(null_values=[], strings_can_be_null=False),
        )
    except pyarrow.ArrowException:
        return []
    columns = [column.to_numpy() for column in table.columns]
    return columns if all(column.dtype.kind in "iuf" for column in columns) else []


def _by_numpy(text: bytes, count: int) -> list[np.ndarray]:
    """The same from numbers apart by any blanks; whole numbers stay such, and so exact."""
    spaced = text.translate(_SPACES)
    for kind in (np.int64, np.float64):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                numbers = np.fromstring(spaced, kind, sep=" ")
            except (ValueError, DeprecationWarning):
                continue
        if len(numbers) % count == 0:
            return list(numbers.reshape(-1, count).T)
    return []


def _filled(text: bytes) -> int:
    """How many lines are not blank."""
    return len(re.findall(rb"[^\s][^\n]*", text))


def write(stream: BinaryIO, source: Source) -> None:
    """Write events as UZH does, in seconds; the sensor as a comment."""
    if source.sensor:
        stream.write(b"# geometry %dx%d\n" % source.sensor)
    for events in source.upright():
        t = abs(events["t"])
        sign = np.where(events["t"] < 0, "-", "")
        columns = (sign, t // 10**6, t % 10**6, events["x"], events["y"], events["p"])
        write_lines(stream, "%s%d.%06d %d %d %d\n", columns)


def write_lines(stream: BinaryIO, form: str, columns: tuple[np.ndarray, ...]) -> None:
    """Write rows of columns (n,) in a form."""
    for start in range(0, len(columns[0]), _ROWS):
        part = [column[start : start + _ROWS].tolist() for column in columns]
        rows = zip(*part, strict=True)
        stream.write("".join([form % row for row in rows]).encode())
