"""A NumPy array in a file of its own: a structured array with fields t, x, y, p, as tonic and
expelliarmus make them. Of an N x 4 matrix nobody can tell which column is which: it is refused.
"""

from typing import BinaryIO

import numpy as np

from neurosvt.config import UserError, first_line
from neurosvt.events.recording import EVENT
from neurosvt.formats.about import About
from neurosvt.formats.arrays import Arrays, Columns, settle_unit
from neurosvt.formats.layouts import matched
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import Source
from neurosvt.reading import array_head

NAME = "npy"
ENDING = ".npy"
MAGIC = b"\x93NUMPY"


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as NumPy's arrays do."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events; of a file that is cut those before the cut.

    Raises:
        UserError: damaged, or another array.
    """
    try:
        shape, by_columns, kind = array_head(stream)
    except Exception as error:  # a damaged byte makes numpy raise nearly anything
        raise UserError(f"is damaged, or is no NumPy array ({first_line(error)})") from None
    fields = matched(dict.fromkeys(kind.names or ()))
    if len(shape) == 2 and shape[1] == 4:
        raise UserError(
            "is an N x 4 matrix, and does not say which column is t, x, y or p: save a structured "
            "array, or arrays t, x, y, p as npz"
        )
    if not fields or kind.hasobject or len(shape) != 1 or by_columns:
        raise UserError(f"holds no fields t, x, y, p: it is an array {shape} of {kind}")
    start = stream.tell()
    there, rest = divmod(stream.seek(0, 2) - start, kind.itemsize)

    def take(first: int, last: int) -> Columns:
        stream.seek(start + first * kind.itemsize)
        part = np.frombuffer(stream.read((last - first) * kind.itemsize), kind)
        return {ours: part[theirs] for ours, theirs in fields.items()}

    about = About()
    settle_unit(about, "", kind[fields["t"]], options)
    source = Arrays(take, min(there, shape[0]), None, about)
    if there < shape[0]:
        source.damage.lost_bytes = rest
        source.damage.notes.append(f"{shape[0] - there:,} events of {shape[0]:,} are missing")
    return source


def write(stream: BinaryIO, source: Source) -> None:
    """Write events, all at once; a sensor has no place in such a file."""
    events = np.concatenate([np.empty(0, EVENT), *source.upright()])
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(events))
    stream.write(events.tobytes())
