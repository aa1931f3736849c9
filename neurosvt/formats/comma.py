"""Comma-separated events: Metavision's, or any whose first line names t, x, y and p."""

from typing import BinaryIO

from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import Source
from neurosvt.formats.text import open_source as open_text
from neurosvt.formats.text import read_head, write_lines

NAME = "csv"
ENDING = ".csv"


def recognises(stream: BinaryIO) -> bool:
    """Lines of at least four numbers, apart by commas."""
    head = read_head(stream)
    return head is not None and head.commas


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events; errors as `text`."""
    return open_text(stream, options)


def write(stream: BinaryIO, source: Source) -> None:
    """Write events as Metavision does: `x,y,p,t`, the geometry first."""
    if source.sensor:
        stream.write(b"%%geometry:%d,%d\n" % source.sensor)
    for events in source.upright():
        columns = tuple(events[name] for name in ("x", "y", "p", "t"))
        write_lines(stream, "%d,%d,%d,%d\n", columns)
