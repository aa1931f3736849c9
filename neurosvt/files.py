"""Files that appear whole or not at all, and what tells one from another."""

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]

DRAFT = ".draft"
"""How the name of a file ends that is not yet whole."""
STALE = 24 * 3600
"""Seconds after which nobody writes a draft any more: it is left of a process that was killed."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write and read, which stands at `path` once the block ends; if the block fails,
    what was there stays, and no draft is left.

    A link stays one: what it leads to is replaced. The mode of what is replaced is kept. A device
    or pipe is never replaced: all is written to it once the block has ended.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        with tempfile.TemporaryFile() as stream:
            yield stream
            stream.seek(0)
            with open(target, "wb") as out:
                shutil.copyfileobj(stream, out)
        return
    remove_stale(target)
    # In the same folder, because a rename is atomic only within one file system.
    draft = target.with_name(f".{target.name}.{token_hex(6)}{DRAFT}")
    try:
        with open(draft, "x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileNotFoundError):
            os.chmod(draft, stat.S_IMODE(target.stat().st_mode))
        os.replace(draft, target)
        _sync(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def remove_stale(target: Path) -> None:
    """Remove drafts of a file that a process left behind when it was killed."""
    for draft in target.parent.glob(f".{_literally(target.name)}.*{DRAFT}"):
        with suppress(OSError):  # another process may be at the same
            if time.time() - draft.stat().st_mtime > STALE:
                draft.unlink()


def _literally(name: str) -> str:
    """A name as a pattern that matches it alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _sync(folder: Path) -> None:
    """Let a rename last, where the system can be asked for that of a folder."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, or replace it, in one move."""
    with whole_file(path) as stream:
        stream.write(data)


def sha256_of(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def lock(file: IO[Any] | int) -> bool:
    """Take the lock of a file that is open for writing, which the system gives back when it is
    closed or this process ends, however it does.

    Returns:
        False if another process has it.
    """
    if fcntl is None:
        return True
    try:
        # Not flock, which processes that are forked would inherit, and outlive us with.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
