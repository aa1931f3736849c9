"""What a training tells while it goes on: lines, a bar, and TensorBoard's files."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neurosvt.config import ConfigError


class Display:
    """Tells people of a training.

    Args:
        quiet: tell nothing, and show no bar.
        folder: where to log for TensorBoard; None for nowhere.

    Raises:
        ConfigError: TensorBoard is not installed.
    """

    def __init__(self, quiet: bool, folder: Path | None = None):
        self.quiet = quiet
        self.console = Console(stderr=True, quiet=quiet)
        self.board = _tensorboard(folder) if folder else None

    def say(self, line: str) -> None:
        """A result, for standard output."""
        if not self.quiet:
            print(line)

    def note(self, line: str) -> None:
        """Talk, for standard error."""
        if not self.quiet:
            print(line, file=sys.stderr)

    @contextmanager
    def bar(self, step: int, steps: int) -> Iterator[None]:
        """Meanwhile a bar, which `step` moves."""
        columns = (
            TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )  # fmt: skip
        with Progress(*columns, console=self.console, disable=self.quiet) as self.progress:
            self.task = self.progress.add_task("", total=steps, completed=step)
            yield

    def step(self, step: int, losses: Mapping[str, float], seconds: float) -> None:
        """A step has been taken, and took so long."""
        told = f"loss {sum(losses.values()):.3f}  {1 / seconds:.2f} steps/s"
        self.progress.update(self.task, completed=step, description=told)
        self._log("loss", losses, step)

    def validation(self, step: int, found: Mapping[str, float], best: bool) -> None:
        """What a look at validation found."""
        self._log("validation", found, step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
        self.console.print(f"step {step}: {shown}{'  (best so far)' if best else ''}")

    def _log(self, group: str, values: Mapping[str, float], step: int) -> None:
        if self.board:
            for name, value in values.items():
                self.board.add_scalar(f"{group}/{name}", value, step)


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError("--tensorboard needs: pip install 'neurosvt[tensorboard]'") from error
    return SummaryWriter(folder)
