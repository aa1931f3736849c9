"""Results as JSON: what was run, by which version, on what machine, and the rows."""

import json
import math
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from neurosvt import __version__
from neurosvt.config import UserError
from neurosvt.files import write_whole


def check_writable(path: str | Path) -> None:
    """Refuse a place that `write_json` could not write to: call it before the long work begins.

    Raises:
        UserError: the folder is missing or closed to us, or `path` is a folder itself.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")
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


def write_json(path: str | Path, command: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows of a measurement; the file appears whole or not at all.

    Args:
        path: where to; a file that is there already is replaced.
        command: the command line that makes these rows again.
        rows: each flat: what was varied, then figures with their units in the name. A figure that
            does not exist (NaN, infinity, None) becomes null, for JSON has no word for it.
    """
    check_writable(path)
    path = Path(path)
    record = {
        "command": command,
        "version": __version__,
        "hardware": hardware(),
        "rows": plain(rows),
    }
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    write_whole(path, text.encode())


def plain(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON can hold them: a figure that does not exist becomes null."""
    return [{name: _scalar(value) for name, value in row.items()} for row in rows]


def load_or_compute(
    path: Path, ask: Callable[[], Iterable[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Rows from their file if it is there, and otherwise into it."""
    if path.exists():
        return json.loads(path.read_text())
    rows = plain(ask())
    write_whole(path, json.dumps(rows).encode())
    return rows


def hardware() -> dict[str, Any]:
    """The machine in a few words; torch and the GPU only where torch is in use already."""
    torch = sys.modules.get("torch")
    gpu = torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "python": platform.python_version(),
        "torch": str(torch.__version__) if torch else None,
        "gpu": gpu,
    }


def _scalar(value: Any) -> Any:
    """A numpy or torch scalar as Python's own, and no figure as None."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cpu_model() -> str:
    with suppress(OSError):  # Linux only
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int | None:
    """Those that we may use, which in a container can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_gib() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return None
    return round(size / 2**30, 1)
