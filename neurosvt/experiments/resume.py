"""Whose training a folder holds, and how another run differs from it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neurosvt.config import UserError, as_plain, override
from neurosvt.experiments.checkpoints import read_checkpoint
from neurosvt.experiments.runs import Run, build_run


def holds_training(folder: str | Path) -> bool:
    """Whether a folder holds a training that can be resumed."""
    return (Path(folder) / "last.safetensors").exists()


def saved_run(folder: str | Path, given: Iterable[str] = ()) -> Run:
    """The run whose training a folder holds: what to pass to `train(..., resume=True)`.

    Args:
        folder: a run folder.
        given: settings as `key=value` that it has to have, as `--set` takes them.

    Raises:
        FileNotFoundError: the folder holds no training.
        UserError: a given setting is unknown, or differs there.
    """
    last = Path(folder) / "last.safetensors"
    _, metadata = read_checkpoint(last)
    if "run" not in metadata:
        raise UserError(f"{last} does not say which run made it")
    # Built again, so that a setting which is newer than the checkpoint has its default there.
    run = build_run(metadata["run"])
    refuse_difference(last, run, build_run(override(as_plain(run), given)))
    return run


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
