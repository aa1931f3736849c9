"""One training at a time in a folder."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from neurosvt.config import UserError
from neurosvt.files import lock


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Meanwhile no other process trains into this folder, which is made if it is not there.

    The system gives the lock back when this process ends, however it does.

    Raises:
        UserError: another process does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    file = _opened(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _opened(path: Path) -> IO[str]:
    while True:
        file = path.open("a+")
        if not lock(file):
            file.seek(0)
            owner = file.read().strip() or "another process"
            file.close()
            raise UserError(
                f"{path.parent} is being trained into by {owner}; --out DIR starts another"
            )
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
            return file
        file.close()  # whoever held it has just taken the file away: begin again
