"""HDF5, of whichever layout (`layouts`): DSEC, M3ED, MVSEC, v2e, Metavision and others; the extra
`data`, which also brings the filters that some of them are compressed with.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from io import SEEK_END
from typing import Any, BinaryIO

import numpy as np

from neurosvt.config import ConfigError, UserError, first_line
from neurosvt.events.recording import EVENT
from neurosvt.formats.arrays import SLICE, arrays_source
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import Source

NAME = "hdf5"
ENDING = ".h5"
MAGIC = b"\x89HDF\r\n\x1a\n"
FILTERS = {
    32001: "Blosc", 32004: "LZ4", 32008: "Bitshuffle", 32013: "ZFP", 32015: "Zstandard",
    32026: "Blosc2", 36559: "ECF",
}  # fmt: skip
"""Compressions by their registered numbers. Source: The HDF Group, registered filter plugins; the
last is Metavision's own."""
ATTRIBUTES = ("unit", "width", "height", "geometry", "sensor_resolution")
"""All that are asked for; others are left alone, for each may be damaged in its own way."""
HEAP = b"GCOL\x01\0\0\0"
"""What a heap of strings of any length begins with."""
SEARCH_BLOCK = 1 << 24
"""Bytes that are searched at once."""
LARGEST_CHUNK = 1 << 26
"""Bytes; an array in larger ones cannot be read in bounded memory, nor in bounded time: each slice
would unpack one whole."""
MOST_PACKED = 1 << 16
"""Numbers that a stored byte stands for, at most; what was never written is made up by HDF5."""


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as HDF5 does."""
    return stream.read(len(MAGIC)) == MAGIC


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: damaged, no events, or those of several cameras and none is named.
        ConfigError: h5py, or the filter that it is compressed with, is not installed.
    """
    h5py = _h5py()
    try:
        file = h5py.File(stream, "r")
        leaves = _leaves(h5py, file)
        source = arrays_source(
            leaves,
            partial(_attributes, h5py, file, stream, cache(partial(_check_heaps, stream))),
            options,
            check=partial(_check_storage, h5py),
        )
    except UserError:
        raise
    except Exception as error:  # a damaged byte makes HDF5 raise nearly anything
        raise UserError(f"is damaged, or is no HDF5 file ({first_line(error)})") from None
    return source


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ConfigError("HDF5 needs: pip install 'neurosvt[data]'") from error
    return h5py


def _leaves(h5py: Any, file: Any) -> dict[str, Any]:
    """Every array that lies in this very file, by its path."""
    found = {}

    def look(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset) and entry.shape is not None:
            found[name] = entry

    file.visititems(look)
    return found


def _attributes(
    h5py: Any, file: Any, stream: BinaryIO, check_heaps: Callable[[], None], path: str
) -> Mapping[str, Any]:
    """Of the attributes at a path those that say something of events."""
    try:
        there = (file[path] if path else file).attrs
    except KeyError:
        return {}
    names = [name for name in ATTRIBUTES if name in there]
    for name in names:
        entry = there.get_id(name)
        if h5py.check_vlen_dtype(entry.dtype):
            _check_lengths(stream, name, entry)
            check_heaps()
    return {name: there[name] for name in names}


def _places(stream: BinaryIO, pattern: bytes) -> Iterator[int]:
    """Where some bytes occur; between two of them the stream may be moved."""
    stream.seek(0)
    before = 0
    while data := stream.read(SEARCH_BLOCK):
        at = data.find(pattern)
        while at >= 0:
            yield before + at
            at = data.find(pattern, at + 1)
        before += len(data) - len(pattern) + 1 if len(data) == SEARCH_BLOCK else len(data)
        stream.seek(before)


def _check_lengths(stream: BinaryIO, name: str, entry: Any) -> None:
    """Refuse strings of any length that are longer than the file: HDF5 makes room for them before
    it looks for them. Source: HDF5 File Format Specification, IV.A.2.m, attribute message.

    Raises:
        UserError: there is one, or the attribute is nowhere.
    """
    word, stored, found = name.encode() + b"\0", entry.get_storage_size(), False
    whole = stream.seek(0, SEEK_END)
    for at in _places(stream, word):
        stream.seek(max(at - 9, 0))
        head = stream.read(min(at, 9)).rjust(9, b"\0")
        head = head if head[0] == 3 else head[1:]  # whose third version tells the character set too
        sizes = [int.from_bytes(head[i : i + 2], "little") for i in (2, 4, 6)]
        if head[0] not in (1, 2, 3) or sizes[0] != len(word):
            continue
        if head[0] == 1:
            sizes = [-(-size // 8) * 8 for size in sizes]
        stream.seek(at + sum(sizes))
        data = stream.read(stored)
        each = max(stored // max(int(np.prod(entry.shape)), 1), 1)
        starts = range(0, len(data), each)
        if sum(int.from_bytes(data[i : i + 4], "little") for i in starts) > whole:
            raise UserError(f"is damaged: {name} would be longer than the file")
        found = True
    if not found:
        raise UserError(f"is damaged: {name} is not where it should be")


def _check_heaps(stream: BinaryIO) -> None:
    """Refuse a heap of strings in which an entry is shorter than its own head: HDF5 never gets past
    such a one. Source: HDF5 File Format Specification, III.E, global heap.

    Raises:
        UserError: there is one.
    """
    for start in _places(stream, HEAP):
        _check_heap(stream, start)


def _check_heap(stream: BinaryIO, start: int) -> None:
    stream.seek(start + len(HEAP))
    left = int.from_bytes(stream.read(8), "little") - 16
    while left >= 16 and len(head := stream.read(16)) == 16:
        index, size = int.from_bytes(head[:2], "little"), int.from_bytes(head[8:], "little")
        need = size if index == 0 else 16 + -(-size // 8) * 8  # what is free counts its own head
        if not 16 <= need <= left:
            raise UserError("is damaged: a heap of strings does not add up")
        stream.seek(need - 16, 1)
        left -= need


def _check_storage(h5py: Any, array: Any) -> None:
    """Refuse what cannot be read, or not in bounded memory.

    Raises:
        UserError: in another file, or in pieces that are too large.
        ConfigError: compressed with a filter that is not there.
    """
    if array.is_virtual or array.external:
        raise UserError(f"{array.name} lies in another file")
    if array.chunks and np.prod(array.chunks, dtype=float) * array.dtype.itemsize > LARGEST_CHUNK:
        raise UserError(f"{array.name} is stored in pieces of more than {LARGEST_CHUNK:,} bytes")
    if array.size > MOST_PACKED * (1 + array.id.get_storage_size()):
        raise UserError(f"{array.name} has {array.size:,} numbers, and hardly a byte is stored")
    properties = array.id.get_create_plist()
    for i in range(properties.get_nfilters()):
        number = properties.get_filter(i)[0]
        if not h5py.h5z.filter_avail(number) and not _plugged_in(h5py, number):
            name = FILTERS.get(number, f"filter {number}")
            would = "its .raw holds the same" if name == "ECF" else "pip install hdf5plugin"
            raise ConfigError(f"{array.name} is compressed with {name}, which is missing: {would}")


def _plugged_in(h5py: Any, number: int) -> bool:
    """Whether a filter is there once hdf5plugin has brought its own."""
    try:
        import hdf5plugin  # noqa: F401
    except ImportError:
        return False
    return bool(h5py.h5z.filter_avail(number))


def write(stream: BinaryIO, source: Source) -> None:
    """Write events into a group `events`, compressed, growing as they come."""
    h5py = _h5py()
    with h5py.File(stream, "w") as file:
        group = file.create_group("events")
        group.attrs["unit"] = "us"
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
