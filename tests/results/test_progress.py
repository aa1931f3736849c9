import pytest

from neurosvt.results import progress
from neurosvt.results.progress import held_bytes, progress_bar


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    told = Clock()
    monkeypatch.setattr(progress, "time", told)
    return told


def test_without_a_terminal_a_line_comes_now_and_then(clock, capsys):
    with progress_bar("frames") as advance:
        advance(10, 100)
        assert capsys.readouterr().err == "", "not at once"
        clock.now += 31
        advance(62, 100)
        line = capsys.readouterr().err
        assert line.startswith("62 of 100 frames, 2.0/s, 19 s left")
        clock.now += 5
        advance(70, 100)
        assert capsys.readouterr().err == ""


def test_where_nobody_knows_of_how_much_it_is_counted(clock, capsys):
    with progress_bar("events") as advance:
        clock.now += 40
        advance(4000)
        clock.now += 40
        advance(4000)
        assert capsys.readouterr().err.splitlines()[1].startswith("8,000 events, 100/s")


def test_quiet_tells_nothing(clock, capsys):
    with progress_bar("frames", quiet=True) as advance:
        clock.now += 1000
        advance(1, 2)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_it_is_a_bar_with_rate_time_and_memory(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("frames") as advance:
        advance(50, 100)
    told = capsys.readouterr().err
    assert "50 frames" in told
    if held_bytes() is not None:
        assert "GiB" in told


def test_memory_that_nobody_tells_of_is_left_out(monkeypatch):
    monkeypatch.setattr(progress, "held_bytes", lambda: None)
    assert progress.held_words() == ""
