"""What people see of a stream: a table that is drawn anew, or plain lines where none can be."""

from time import monotonic
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from neurosvt.live.stream import Stream, StreamStep
from neurosvt.presence import presence_words

DRAW_S = 0.25
"""Time between two pictures: more often costs more than the model."""


class Screen:
    """Shows steps of a stream; this one shows nothing."""

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *exception: Any) -> None:
        """Nothing more will be shown."""

    def show(self, step: StreamStep) -> None:
        """The next one."""


class LiveTable(Screen):
    """The latest belief, in place."""

    def __init__(self, console: Console, stream: Stream):
        self.stream = stream
        self.live = Live(console=console, auto_refresh=False, transient=True)
        self.next = 0.0

    def __enter__(self) -> "LiveTable":
        self.live.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.live.stop()

    def show(self, step: StreamStep) -> None:
        if monotonic() >= self.next:
            self.live.update(belief_table(step, self.stream), refresh=True)
            self.next = monotonic() + DRAW_S


def belief_table(step: StreamStep, stream: Stream) -> Table:
    """One belief as a table of two columns."""
    belief, (x, y) = step.belief, step.belief.pixel
    dropped, malformed = stream.tally.dropped_windows, stream.source.malformed.total
    table = Table(title=stream.source.name, show_header=False, min_width=44)
    rows = {
        "time": f"{belief.t_us / 1e6:,.2f} s, window {belief.window:,}",
        "class": f"{belief.class_name} ({belief.probability:.0%})",
        "place": f"({x:.0f}, {y:.0f}) of {stream.source.sensor[0]} x {stream.source.sensor[1]}",
        "presence": f"{_presence(step)} ({belief.presence_probability:.0%})",
        "events": f"{belief.events:,}",
        "work": f"{belief.operations:,} synaptic operations, {step.engine_us:,.0f} us",
        "dropped": f"{dropped:,} windows, {malformed:,} malformed",
    }
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def _presence(step: StreamStep) -> str:
    return presence_words(step.belief.presence, step.belief.forgotten)


class PlainLines(Screen):
    """A line whenever the class changes, what presence it has, or whether it is forgotten; and the
    first."""

    def __init__(self, console: Console):
        self.console = console
        self.last: tuple[str, str] | None = None

    def show(self, step: StreamStep) -> None:
        belief, presence = step.belief, _presence(step)
        if (belief.class_name, presence) != self.last:
            self.last = (belief.class_name, presence)
            x, y = belief.pixel
            self.console.print(
                f"{belief.t_us / 1e6:12.3f} s  {belief.class_name} "
                f"{belief.probability:.0%} at ({x:.0f}, {y:.0f}), "
                f"{presence}",
                soft_wrap=True, highlight=False, markup=False,
            )  # fmt: skip
