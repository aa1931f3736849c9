"""What strangers' files hold, read within bounds: text, TOML, JSON and NumPy's arrays.

A file states in a few bytes how much it holds, and would be made room for. So what is stated is
held to what is there, before it is unpacked.
"""

import json
import math
import tomllib
import zipfile
from io import SEEK_END
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from neurosvt.config import ConfigError, UserError, first_line

MOST_TEXT = 1 << 26
"""Bytes of a file of settings, rows or names."""
ROOM, MOST_PACKED = 1 << 26, 100
"""Bytes that an archive may always unpack to, and how many for each of its own beyond that. Events
pack to a third; what packs to a hundredth is nearly all the same."""


def read_text(path: str | Path) -> str:
    """The text of a file, UTF-8.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is no text, or more than `MOST_TEXT`.
    """
    path = Path(path)
    if path.stat().st_size > MOST_TEXT:
        raise UserError(f"{path} has more than the {MOST_TEXT:,} bytes that are read of a text")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text") from error


def read_toml(path: str | Path) -> dict[str, Any]:
    """The nested values of a TOML file.

    Raises:
        ConfigError: the file is no TOML; the message names file, line and column.
        FileNotFoundError, UserError: as `read_text`.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {first_line(error)}") from error


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileNotFoundError, UserError: as `read_text`; or it is no JSON.
    """
    return parsed_json(read_text(path), str(path))


def read_json_table(path: str | Path) -> dict[str, Any]:
    """What a JSON file holds that is a table.

    Raises:
        FileNotFoundError, UserError: as `read_json`; or it is no table.
    """
    table = read_json(path)
    if not isinstance(table, dict):
        raise UserError(f"{path} is damaged: it holds no table")
    return table


def parsed_json(text: str, name: str) -> Any:
    """What a text says in JSON.

    Raises:
        UserError: it is none; the line begins with `name`.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is damaged, or no JSON ({first_line(error)})") from error


def read_array(path: str | Path) -> np.ndarray:
    """The array of a .npy file; never runs what it may hold pickled.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: no array, a damaged one, or one that states more than the file holds.
    """
    with open(path, "rb") as stream:
        try:
            return _array(stream, Path(path).stat().st_size)
        except Exception as error:  # a damaged byte makes NumPy raise nearly anything
            raise UserError(f"{path} is no array, or damaged ({first_line(error)})") from error


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file, by their names.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: as `arrays_of`.
    """
    with open(path, "rb") as stream:
        try:
            return arrays_of(stream)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error


def arrays_of(stream: BinaryIO) -> dict[str, np.ndarray]:
    """All arrays of an archive, by their names; never runs what it may hold pickled.

    Raises:
        UserError: no such archive, a damaged one, or one that unpacks to more than its size lets
            expect.
    """
    size = stream.seek(0, SEEK_END)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > max(ROOM, MOST_PACKED * size):
                raise UserError(f"{size:,} bytes that would unpack to {unpacked:,}")
            arrays = {}
            for entry in entries:
                with archive.open(entry) as packed:
                    arrays[entry.filename.removesuffix(".npy")] = _array(packed, entry.file_size)
                    packed.read()  # to its end, where its checksum is held
            return arrays
    except Exception as error:  # a damaged byte makes zipfile and NumPy raise nearly anything
        raise UserError(f"not a readable npz file, or damaged ({first_line(error)})") from None


def _array(stream: IO[bytes], size: int) -> np.ndarray:
    """The array of a stream of this many bytes."""
    shape, _, kind = array_head(stream)
    stated, there = math.prod(shape) * kind.itemsize, size - stream.tell()
    if stated > there:
        raise UserError(f"an array states {stated:,} bytes, and has {there:,}")
    stream.seek(0)
    array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def array_head(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it lies column by column, and type of an array in NumPy's format; the stream
    then stands at its first number.

    Raises:
        Exception: nearly any, of a damaged one.
    """
    version = np.lib.format.read_magic(stream)
    first = np.lib.format.read_array_header_1_0
    return (first if version == (1, 0) else np.lib.format.read_array_header_2_0)(stream)


def read_pickled(path: str | Path, *, mapped: bool = False) -> Any:
    """What `torch.save` wrote, if it is tensors, numbers and texts: nothing of a file is run.

    Args:
        path: the file.
        mapped: tensors stay in the file until they are asked for.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is damaged, or holds anything else.
    """
    import torch  # by far the most of what importing this module would take

    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged byte makes its unpickler raise nearly anything
        raise UserError(
            f"{path} is damaged, or holds more than tensors ({first_line(error)[:120]})"
        ) from error
