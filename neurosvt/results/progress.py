"""What long work tells while it goes on: a bar on a terminal, now and then a line elsewhere.

Both say how much is done, how fast, how long the rest will take, and how much memory is held.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINE_EVERY = 30.0
"""Seconds between lines where there is no terminal."""


def held_bytes(process: int | str = "self") -> int | None:
    """Memory that a process holds, by its number; None where the system does not say."""
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as told:
            return int(told.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return None


def held_words() -> str:
    """The same in words, as `1.2 GiB`; nothing where the system does not say."""
    held = held_bytes()
    return "" if held is None else f"{held / 2**30:.1f} GiB"


class RateColumn(ProgressColumn):
    """How much is done a second."""

    def render(self, task: Task) -> Text:
        """As rich asks for it."""
        return Text(rate_words(task.finished_speed or task.speed))


class MemoryColumn(ProgressColumn):
    """How much memory is held."""

    max_refresh = 1.0

    def render(self, task: Task) -> Text:
        """As rich asks for it."""
        return Text(held_words())


def rate_words(rate: float | None) -> str:
    """How much is done a second, or how long one takes.

    >>> rate_words(1234.5), rate_words(0.25), rate_words(None)
    ('1,234/s', '4.0 s each', '')
    """
    if not rate:
        return ""
    if rate < 1:
        return f"{1 / rate:.1f} s each"
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


@contextmanager
def progress_bar(what: str, *, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """A bar on standard error, or lines where that is no terminal, and what moves them: told how
    much is done, and of how much; or, where nobody knows of how much, how much more is done.

    Args:
        what: is counted.
        quiet: tell nothing.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.completed:,.0f} " + what), BarColumn(), RateColumn(),
        TimeRemainingColumn(), MemoryColumn(),
    )  # fmt: skip
    bar = Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    )
    task = bar.add_task(what, total=None)
    lines = _Lines(what, quiet=quiet or console.is_terminal)

    def advance(done: int, of: int | None = None) -> None:
        bar.start()  # not before: what is refused is told in one line
        if of is None:
            bar.advance(task, done)
        else:
            bar.update(task, completed=done, total=of)
        lines.tell(float(bar.tasks[0].completed), of)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()


class _Lines:
    """Lines in place of a bar."""

    def __init__(self, what: str, quiet: bool):
        self.what, self.quiet = what, quiet
        self.begun = self.told = time.monotonic()

    def tell(self, done: float, of: int | None) -> None:
        """Say a line if the last is long ago."""
        now = time.monotonic()
        if self.quiet or now - self.told < LINE_EVERY or not done:
            return
        self.told, rate = now, done / (now - self.begun)
        parts = [f"{done:,.0f} {self.what}" if of is None else f"{done:,.0f} of {of:,} {self.what}"]
        parts += [rate_words(rate)]
        if of is not None and rate:
            parts += [f"{(of - done) / rate:,.0f} s left"]
        print(", ".join(filter(None, [*parts, held_words()])), file=sys.stderr, flush=True)
