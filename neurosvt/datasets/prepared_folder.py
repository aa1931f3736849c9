"""Folders of one's own data that `neurosvt data prepare` made: a table says what each holds."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neurosvt.config import UserError, first_line
from neurosvt.datasets.folder import data_root
from neurosvt.files import write_whole
from neurosvt.reading import read_json_table

DATASET_FILE = "dataset.json"
VERSION = 1
RECORDINGS_KIND, IMAGES_KIND = "recordings", "images"
"""What a folder may hold."""


def place_of(folder: str | Path) -> Path:
    """A prepared folder by its path, or by its name below the folder of data sets."""
    return Path(folder) if (Path(folder) / DATASET_FILE).is_file() else data_root() / folder


def mark_of(told: Any) -> str:
    """What tells one data set from another, of all that is said of it as plain values."""
    return hashlib.sha256(repr((VERSION, told)).encode()).hexdigest()


def begin_folder(destination: Path, mark: str) -> bool:
    """Make a folder for the data set of this mark; whether there is anything to do.

    Raises:
        UserError: it holds another, or its table is damaged.
    """
    path = destination / DATASET_FILE
    if not path.is_file():
        destination.mkdir(parents=True, exist_ok=True)
        return True
    if read_json_table(path).get("mark") != mark:
        raise UserError(f"{destination} holds another data set: name another folder, or remove it")
    return False


def write_table(destination: Path, kind: str, mark: str, facts: dict[str, Any]) -> None:
    """Say what a folder holds, once all of it is there."""
    table = {"version": VERSION, "kind": kind, "mark": mark, **facts}
    write_whole(destination / DATASET_FILE, json.dumps(table, indent=1).encode())


def kind_of(folder: str | Path) -> str:
    """What a prepared folder holds: `RECORDINGS_KIND` or `IMAGES_KIND`.

    Raises:
        UserError: its table is damaged.
    """
    return str(read_json_table(place_of(folder) / DATASET_FILE).get("kind", RECORDINGS_KIND))


def read_table(folder: str | Path, kind: str) -> dict[str, Any]:
    """What a prepared folder of this kind says of itself.

    Raises:
        FileNotFoundError: there is no such folder.
        UserError: it is damaged, of another version, or of another kind.
    """
    path = place_of(folder) / DATASET_FILE
    if not path.is_file():
        action = "index" if kind == RECORDINGS_KIND else "folder"
        raise FileNotFoundError(
            f"{folder} is no prepared data set: `neurosvt data prepare {action} SOURCE {folder}` "
            "makes one"
        )
    table = read_json_table(path)
    if (found := table.get("kind", RECORDINGS_KIND)) != kind:
        raise UserError(f"{path} is of {found}, not of {kind}")
    if table.get("version") != VERSION:
        raise UserError(f"{path} is of another version: prepare it again")
    return table


@contextmanager
def sound_table(folder: str | Path) -> Iterator[None]:
    """A block that takes a table apart: what is not as `write_table` wrote it is told as damaged.

    Raises:
        UserError: in place of what a wrong entry raises.
    """
    try:
        yield
    except UserError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        path = place_of(folder) / DATASET_FILE
        raise UserError(f"{path} is damaged ({first_line(error)}): prepare it again") from error
