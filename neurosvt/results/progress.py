"""A bar for work of which the parts are counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[..., None]]:
    """A bar on a terminal's standard error, and what moves it: told how much is done, and of how
    much; or, where nobody knows of how much, how much more is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.completed:,.0f} " + what), BarColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)

    def advance(done: int, of: int | None = None) -> None:
        bar.start()  # not before: what is refused is told in one line
        if of is None:
            bar.advance(task, done)
        else:
            bar.update(task, completed=done, total=of)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
