"""What a training tells while it goes on: lines, a bar, and logs that others keep."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from neurosvt.experiments.logs import TrainingLog
from neurosvt.results.progress import MemoryColumn


class Display:
    """Tells people of a training.

    Args:
        quiet: tell nothing, and show no bar.
        logs: that are told the numbers, too.
    """

    def __init__(self, quiet: bool, logs: Sequence[TrainingLog] = ()):
        self.quiet, self.logs = quiet, logs
        self.console = Console(stderr=True, quiet=quiet)

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
            TextColumn("{task.description}"), MemoryColumn(),
        )  # fmt: skip
        with Progress(*columns, console=self.console, disable=self.quiet) as self.progress:
            self.task = self.progress.add_task("", total=steps, completed=step)
            try:
                yield
            finally:
                for log in self.logs:
                    log.close()

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
        told = {f"{group}/{name}": value for name, value in values.items()}
        for log in self.logs:
            log.log(told, step)


def summary(model: nn.Module) -> str:
    """One line per part: its name and its learnt numbers; then all of them."""
    lines = [
        f"{name:<12}{sum(p.numel() for p in part.parameters()):>12,}"
        for name, part in model.named_children()
    ]
    whole = sum(p.numel() for p in model.parameters())
    return "\n".join([*lines, f"{'total':<12}{whole:>12,}"])
