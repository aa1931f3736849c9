import threading
import time
import tracemalloc

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.events.frames import by_count, by_time
from neurosvt.events.recording import EVENT, Fitting, fit_to_sensor
from neurosvt.live.source import LiveSource
from neurosvt.live.stream import Stream

NOTHING = np.empty(0, EVENT)


def pause(seconds):
    """A chunk without events, after so long."""

    def wait():
        time.sleep(seconds)
        return NOTHING

    return wait


def at(*times):
    """Events at these times, microseconds."""
    events = np.zeros(len(times), EVENT)
    events["t"] = times
    return events


@pytest.mark.parametrize("side", [16, 70])
@pytest.mark.parametrize("window_events", [None, 37])
def test_a_recording_is_seen_as_the_frames_that_are_made_of_it(
    engine, cup, source_of, side, window_events
):
    """Every window, the last and partial one too; any sensor; and the beliefs are the model's."""
    recording = cup(side=side)
    steps = list(Stream(source_of(recording), engine, speed=None, window_events=window_events))
    fitted = fit_to_sensor(recording, 16)
    cut = by_count(fitted.events, 37) if window_events else by_time(fitted.events, 10_000)
    fitting, session = Fitting(side, side, 16), engine.session()
    windows = [fitted.events[cut.index == index] for index in range(cut.frames)]
    assert [step.belief.window for step in steps] == list(range(len(windows)))
    assert sum(step.belief.events for step in steps) == 600
    for step, events in zip(steps, windows, strict=True):
        belief = session.push(fitting.crowded(events))
        assert step.belief.class_name == str(belief.label)
        assert step.belief.position == pytest.approx(belief.position, abs=1e-5)
        assert step.belief.hidden == belief.hidden
        assert step.belief.operations == belief.operations.acs


def test_a_step_is_a_flat_line_with_all_that_a_controller_needs(engine, cup, source_of):
    stream = Stream(source_of(cup()), engine, speed=None, classes=["cup", "box", "pen"])
    step = next(iter(stream))
    row = step.row()
    assert list(row) == [
        "t_us", "window", "events", "class", "probabilities", "position", "pixel", "presence",
        "presence_probability", "forgotten", "hidden", "hidden_probability", "operations",
        "engine_us", "latency_us", "dropped",
    ]  # fmt: skip
    assert row["class"] in row["probabilities"]
    assert list(row["probabilities"]) == ["cup", "box", "pen"]
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert row["t_us"] == cup().events["t"][0] + 10_000
    assert row["latency_us"] >= row["engine_us"] > 0


@pytest.mark.parametrize("below", [0.0, 0.5, 1.0])
def test_what_is_hidden_is_forgotten_where_no_class_is_probable_enough(
    engine, cup, source_of, below
):
    steps = list(Stream(source_of(cup()), engine, speed=None, forgotten_below=below))
    assert any(step.belief.hidden for step in steps)
    for step in steps:
        sure = max(step.row()["probabilities"].values()) >= below
        assert step.row()["forgotten"] == (step.belief.hidden and not sure)
    forgotten = sum(step.belief.forgotten for step in steps)
    assert forgotten == 0 if below == 0 else forgotten > 0


@pytest.mark.parametrize("below", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_cannot_be_forgotten_below(engine, cup, source_of, below):
    with pytest.raises(UserError, match="forgotten_below must lie in 0 to 1, got"):
        Stream(source_of(cup()), engine, forgotten_below=below)


def test_at_full_speed_nothing_is_dropped_however_slow_the_reader_of_beliefs(
    engine, cup, source_of
):
    stream = Stream(source_of(cup()), engine, speed=None, queue_windows=2)
    seen = 0
    for _ in stream:
        time.sleep(0.001)
        seen += 1
    summary = stream.summary()
    assert (seen, summary.windows, summary.events) == (30, 30, 600)
    assert summary.dropped_windows == summary.dropped_events == 0


def test_under_overload_the_oldest_windows_are_dropped_counted_and_told(engine, pieces):
    """The whole stream comes at once, while the first belief is still being looked at."""
    told, come = [], threading.Event()
    chunks = [at(*range(1_000_000, 1_300_000, 5_000)), lambda: come.set() or NOTHING]
    stream = Stream(pieces(chunks), engine, queue_windows=4, say=told.append)
    steps = []
    for step in stream:
        come.wait(10)
        steps.append(step.belief.window)
    summary = stream.summary()
    assert summary.dropped_windows > 0
    assert summary.windows + summary.dropped_windows == 30
    assert summary.events + summary.dropped_events == 60
    assert steps[-4:] == [26, 27, 28, 29], "what is kept is the latest"
    assert "1 windows dropped so far, oldest first" in told[0]
    assert len(told) <= 6


def test_a_file_at_real_time_takes_its_time(engine, cup, source_of):
    begun = time.monotonic()
    stream = Stream(source_of(cup()), engine, speed=2.0)
    assert len(list(stream)) == 30
    assert 0.12 < time.monotonic() - begun < 2
    assert stream.summary().stream_seconds == pytest.approx(0.3)


def test_silence_of_a_live_source_is_seen_as_darkness(engine, pieces):
    """By the clock: the model has to see that nothing comes."""
    dark = []
    chunks = [
        at(0, 5_000),
        *[pause(0.01)] * 20,
        lambda: dark.append(stream.tally.windows) or NOTHING,
    ]
    stream = Stream(pieces([*chunks, at(900_000)]), engine, queue_windows=100)
    events = [step.belief.events for step in stream]
    assert dark[0] > 10, "before anything else came"
    assert events == [2, *[0] * 89, 1], "and every stretch of time once"


def test_without_a_clock_a_live_source_is_cut_by_its_events_alone(engine, pieces):
    source = pieces([at(0), pause(0.03), at(10_000)])
    assert [step.belief.events for step in Stream(source, engine, speed=None)] == [1, 1]


def test_what_comes_late_to_a_live_stream_is_counted_and_not_lost(engine, pieces):
    source = pieces([at(0), *[pause(0.01)] * 10, at(1_000, 2_000), at(300_000)])
    stream = Stream(source, engine)
    assert sum(step.belief.events for step in stream) == 4
    assert stream.summary().late_events == 2


@pytest.mark.parametrize(
    ("limit", "windows"), [({"windows": 7}, 7), ({"seconds": 0.05}, 5), ({"seconds": 0.041}, 5)]
)
def test_a_limit_ends_it(engine, cup, source_of, limit, windows):
    stream = Stream(source_of(cup()), engine, speed=None, **limit)
    assert len(list(stream)) == windows
    assert stream.summary().windows == windows


def test_a_live_source_that_says_nothing_ends_in_time(engine, pieces):
    stream = Stream(pieces([pause(0.01)] * 10_000), engine, seconds=0.01)
    begun = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - begun < 10


def test_stopping_gives_what_has_come(engine, pieces):
    """The partial window too."""
    stream = Stream(pieces([at(0, 12_000), lambda: stream.stop() or NOTHING, at(99_000)]), engine)
    assert [step.belief.events for step in stream] == [1, 1]


def test_a_source_that_fails_fails_where_beliefs_are_taken(engine, pieces):
    def fail():
        raise UserError("unplugged")

    stream = Stream(pieces([at(0, 25_000), fail]), engine)
    with pytest.raises(UserError, match="unplugged"):
        for _ in stream:
            pass
    assert stream.summary().windows == 2, "what came before was seen"


def test_who_leaves_early_leaves_no_thread_behind(engine, cup, source_of):
    before = threading.active_count()
    for _ in Stream(source_of(cup()), engine, speed=None, queue_windows=1):
        break
    assert threading.active_count() == before


def test_one_session_goes_on_from_stream_to_stream(engine, cup, source_of):
    session = engine.session()
    for _ in range(2):
        for _ in Stream(source_of(cup()), engine, speed=None, session=session):
            pass
    assert session.steps == 60


class Long(LiveSource):
    """A long file of chunks."""

    live, waits = False, True

    def __init__(self, chunks):
        super().__init__("long", (16, 16))
        self.count = chunks

    def chunks(self):
        for number in range(self.count):
            yield at(*range(1_000_000 * number, 1_000_000 * (number + 1), 500))


def test_memory_does_not_grow_with_the_stream(engine):
    peaks = []
    for chunks in (2, 6):
        tracemalloc.start()
        for _ in Stream(Long(chunks), engine, speed=None, queue_windows=8):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    "wrong",
    [{"speed": 0.0}, {"speed": float("nan")}, {"seconds": -1.0}, {"windows": 0},
     {"queue_windows": 0}, {"window_events": 0}],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused(engine, cup, source_of, wrong):
    with pytest.raises(UserError, match=r"above 0|at least 1"):
        Stream(source_of(cup()), engine, **wrong)
