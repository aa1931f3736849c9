"""Ctrl-C, noted where it is pressed and heard where everything is whole."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def on_interrupt(
    note: Callable[..., None], signals: Sequence[signal.Signals] = (signal.SIGINT,)
) -> Iterator[None]:
    """Ctrl-C, or whatever is named, is noted instead of raised; in another thread than the main one
    it stays as it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(each, signal.signal(each, note)) for each in signals]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


class TrainingStopped(KeyboardInterrupt):
    """A signal came, and the step at which it did is saved."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.exit_code = 128 + number
        """What a shell says of a program that a signal ended."""
