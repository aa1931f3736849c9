"""A stream to its sinks and to the screen, until it ends or somebody ends it."""

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from neurosvt.experiments.interrupt import on_interrupt
from neurosvt.live.screen import Screen
from neurosvt.live.sinks import Sink, as_line, hush_stdout, open_sink
from neurosvt.live.stream import Stream


@contextmanager
def open_sinks(targets: Sequence[str]) -> Iterator[list[Sink]]:
    """Several, as `open_sink` takes them.

    Raises:
        UserError: one cannot be written to.
    """
    with ExitStack() as opened:
        sinks = []
        for target in targets:
            sinks.append(open_sink(target))
            opened.callback(sinks[-1].close)
        yield sinks


def present(
    stream: Stream,
    sinks: Sequence[Sink],
    screen: Screen,
    say: Callable[[str], None] = lambda line: None,
) -> int:
    """Give every step to all; Ctrl-C and SIGTERM end the stream, after what has come was given.

    Returns:
        0; or 130 after Ctrl-C, and 143 after SIGTERM.
    """
    ended = 0
    gc.freeze()  # what is there stays: to go through it again and again takes a tenth of the time

    def note(number: int, frame: Any) -> None:
        nonlocal ended
        ended = 128 + number
        stream.stop()

    with on_interrupt(note, (signal.SIGINT, signal.SIGTERM)), screen:
        try:
            for step in stream:
                line = as_line(step.row()) if sinks else b""
                for sink in sinks:
                    sink.send(line)
                screen.show(step)
        except BrokenPipeError:
            hush_stdout()  # whoever read has seen enough
    if lost := sum(sink.lost for sink in sinks):
        say(f"{lost:,} lines could not be sent")
    return ended
