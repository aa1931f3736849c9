"""Ctrl-C, noted where it is pressed and heard where everything is whole."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_interrupt(note: Callable[..., None]) -> Iterator[None]:
    """Ctrl-C is noted instead of raised; in another thread than the main one it stays as it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
