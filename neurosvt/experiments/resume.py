"""Whose training a folder holds, where it goes on, and how another run differs from it.

Two checkpoints are kept, the last and the one before it: should a disk damage one, the other is
gone on from, and comes to the same end.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from neurosvt.config import UserError, as_plain, override
from neurosvt.experiments.checkpoints import read_checkpoint
from neurosvt.experiments.runs import Run, build_run

LAST, EARLIER = "last.safetensors", "earlier.safetensors"
"""Of a run folder: everything, to go on from."""


def holds_training(folder: str | Path) -> bool:
    """Whether a folder holds a training that can be resumed."""
    return any((Path(folder) / name).exists() for name in (LAST, EARLIER))


def newest_whole(
    folder: str | Path, say: Callable[[str], None] = lambda line: None
) -> tuple[Path, dict[str, Any]]:
    """The newest checkpoint of a training that is whole, and what it knows beside tensors; `say` is
    told of one passed over.

    Raises:
        FileNotFoundError: the folder holds no training.
        UserError: what it holds is damaged.
    """
    last, earlier = (Path(folder) / name for name in (LAST, EARLIER))
    try:
        return last, read_checkpoint(last)[1]
    except (FileNotFoundError, UserError) as error:
        if not earlier.exists():
            raise
        _, metadata = read_checkpoint(earlier)
        say(f"{error}: goes on from {earlier}")
        return earlier, metadata


def keep_earlier(folder: Path) -> None:
    """Let the last checkpoint, which is whole, be the earlier one from now on."""
    last, draft = folder / LAST, folder / f".{EARLIER}.draft"
    if not last.exists():
        return
    with suppress(FileNotFoundError):
        draft.unlink()
    try:
        os.link(last, draft)
    except OSError:  # a file system without links
        shutil.copyfile(last, draft)
    os.replace(draft, folder / EARLIER)


def saved_run(folder: str | Path, given: Iterable[str] = ()) -> Run:
    """The run whose training a folder holds: what to pass to `train(..., resume=True)`.

    Args:
        folder: a run folder.
        given: settings as `key=value` that it has to have, as `--set` takes them.

    Raises:
        FileNotFoundError: the folder holds no training.
        UserError: a given setting is unknown, or differs there.
    """
    whole, metadata = newest_whole(folder)
    run = _run_of(whole, metadata)
    refuse_difference(whole, run, build_run(override(as_plain(run), given)))
    return run


def to_resume(folder: Path, run: Run, say: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
    """The checkpoint that a run goes on from, and what it knows beside tensors.

    Args:
        folder: a run folder.
        run: that is to go on.
        say: told of a damaged checkpoint, which is passed over.

    Raises:
        FileNotFoundError: the folder holds no training.
        UserError: it is damaged, or of another run.
    """
    whole, metadata = newest_whole(folder, say)
    refuse_difference(whole, _run_of(whole, metadata), run)
    return whole, metadata


def refuse_training(folder: Path) -> None:
    """Refuse to begin where a training is.

    Raises:
        UserError: there is one.
    """
    if holds_training(folder):
        raise UserError(
            f"{folder} holds a training: --resume goes on with it, --out DIR starts another"
        )


def _run_of(file: Path, metadata: Mapping[str, Any]) -> Run:
    """The run that made a checkpoint; a setting that is newer than it has its default."""
    if "run" not in metadata:
        raise UserError(f"{file} does not say which run made it")
    return build_run(metadata["run"])


def refuse_difference(file: Path, saved: Run, wanted: Run) -> None:
    """Refuse to go on with a run that is not the saved one.

    Args:
        file: where the saved run stands, for the message.
        saved: the run whose training was begun.
        wanted: the run that is to go on.

    Raises:
        UserError: they differ; names the first setting that does.
    """
    if saved != wanted:
        difference = _first_difference(as_plain(saved), as_plain(wanted))
        raise UserError(f"{file} belongs to a run with other settings: {difference}")


def _first_difference(saved: Mapping[str, Any], wanted: Mapping[str, Any], path: str = "") -> str:
    for name in dict.fromkeys((*wanted, *saved)):
        one, two, at = saved.get(name), wanted.get(name), f"{path}.{name}" if path else name
        if one != two:
            if isinstance(one, Mapping) and isinstance(two, Mapping):
                return _first_difference(one, two, at)
            return f"{at} is {one!r} there, {two!r} here"
    return f"it is a {path or 'run'} of another kind"
