import io
from itertools import pairwise

from rich.console import Console

from neurosvt.live.screen import LiveTable, PlainLines
from neurosvt.live.stream import Stream


def shown(make_screen, engine, source, terminal):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100)
    stream = Stream(source, engine, speed=None, classes=["cup", "box", "pen"])
    with make_screen(console, stream) as screen:
        steps = list(stream)
        for step in steps:
            screen.show(step)
    return text.getvalue(), steps


def test_a_table_shows_what_is_believed_now(engine, cup, source_of):
    text, steps = shown(LiveTable, engine, source_of(cup()), True)
    assert steps[0].belief.class_name in text
    assert "synaptic operations" in text
    assert "16 x 16" in text


def test_plain_lines_come_when_the_belief_changes(engine, cup, source_of):
    text, steps = shown(lambda console, _: PlainLines(console), engine, source_of(cup()), False)
    said = [(step.belief.class_name, step.belief.presence, step.belief.forgotten) for step in steps]
    changes = 1 + sum(a != b for a, b in pairwise(said))
    assert len(text.splitlines()) == changes
    assert steps[0].belief.class_name in text.splitlines()[0]
    assert ("hidden, forgotten" in text) == any(forgotten for *_, forgotten in said)
