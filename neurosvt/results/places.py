"""Places that results go to: looked at before the long work begins."""

import os
from pathlib import Path

from neurosvt.config import UserError


def check_writable(path: str | Path) -> None:
    """Refuse a file that could not be written.

    Raises:
        UserError: the folder is missing or closed to us, or `path` is a folder itself.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")
    if path.exists() and not path.is_file():  # a device or a pipe, which is written to
        if not os.access(path, os.W_OK):
            raise UserError(f"cannot write {path}: no permission")
        return
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: no permission to write in {path.parent}")


def check_folder(path: str | Path) -> Path:
    """A folder that `--out` names, there or not yet there; refused if it is a file or closed to us.

    Raises:
        UserError: it is.
    """
    path = Path(path)
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise UserError(f"{there} is a file; --out names a folder")
    if not os.access(there, os.W_OK):
        raise UserError(f"cannot write {path}: no permission to write in {there}")
    return path
