import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.config import UserError
from neurosvt.events.frames import by_count, by_time, make_frames
from neurosvt.events.recording import EVENT, Recording
from neurosvt.events.windows import JUMP_US, SAID, CountWindows, TimeWindows

TIMES = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=60)
NEAR = st.lists(st.integers(0, 500), min_size=1, max_size=60)
CUTS = st.lists(st.integers(0, 60), max_size=6)


def events_at(times, side=5):
    rng = np.random.default_rng(len(times))
    events = np.zeros(len(times), EVENT)
    events["t"] = times
    events["x"], events["y"] = rng.integers(0, side, (2, len(times)))
    events["p"] = rng.random(len(times)) < 0.5
    return events


def windows(cutter, events, cuts=()):
    """All windows of events that come in pieces."""
    pieces = np.split(events, sorted(min(cut, len(events)) for cut in cuts))
    found = [window for piece in pieces for window in cutter.feed(piece)]
    found += cutter.rest()
    assert [window.index for window in found] == list(range(len(found)))
    return found


@given(NEAR, CUTS, st.integers(1, 70))
def test_windows_by_time_are_the_frames_of_the_whole_recording(times, cuts, length):
    """However the events come; at borders, too."""
    events = events_at(sorted(times))
    found = windows(TimeWindows(length), events, cuts)
    frames = make_frames(Recording(events, 5, 5), by_time(events, length))
    assert np.array_equal(np.stack([window.frame(5) for window in found]), frames)
    starts = times and min(times) + length * np.arange(len(found))
    assert [window.start_us for window in found] == starts.tolist()
    assert all(window.end_us - window.start_us == length for window in found)


@given(NEAR, CUTS, st.integers(1, 9))
def test_windows_by_count_are_the_frames_of_the_whole_recording(times, cuts, count):
    events = events_at(sorted(times))
    found = windows(CountWindows(count), events, cuts)
    frames = make_frames(Recording(events, 5, 5), by_count(events, count))
    assert np.array_equal(np.stack([window.frame(5) for window in found]), frames)
    assert [len(window.events) for window in found[:-1]] == [count] * (len(found) - 1)


@given(TIMES, CUTS, st.sampled_from(["time", "count"]))
def test_no_event_is_lost_or_changed_whatever_the_clock_does(times, cuts, kind):
    events = events_at(times)
    cutter = TimeWindows(10_000, longest_gap_us=50_000) if kind == "time" else CountWindows(7)
    found = windows(cutter, events, cuts)
    assert np.array_equal(np.concatenate([window.events for window in found]), events)
    assert all(window.start_us <= window.end_us for window in found)
    assert len(found) <= 7 * (len(events) + 1), "gaps are stepped through no further"


def test_an_event_at_a_border_belongs_to_the_window_that_begins_there():
    found = windows(TimeWindows(10), events_at([100, 109, 110]))
    assert [window.events["t"].tolist() for window in found] == [[100, 109], [110]]


def test_what_comes_late_is_counted_and_stays_in_the_open_window():
    cutter = TimeWindows(10)
    found = windows(cutter, events_at([100, 112, 108, 113, 125]), cuts=[2])
    assert [window.events["t"].tolist() for window in found] == [[100], [112, 108, 113], [125]]
    assert cutter.late == 1


def test_a_clock_that_is_set_back_begins_a_new_grid():
    told = []
    cutter = TimeWindows(10, say=told.append)
    found = windows(cutter, events_at([5 * JUMP_US, 5 * JUMP_US + 3, 7, 18]), cuts=[2])
    assert [(w.start_us, len(w.events)) for w in found] == [(5 * JUMP_US, 2), (7, 1), (17, 1)]
    assert told == ["time steps back by 5.0 s"]
    assert (cutter.jumps, cutter.late) == (1, 0)


def test_a_gap_is_stepped_through_so_far_and_then_skipped():
    told = []
    cutter = TimeWindows(10, longest_gap_us=50, say=told.append)
    found = windows(cutter, events_at([0, 10_001]))
    assert [len(window.events) for window in found] == [1, 0, 0, 0, 0, 0, 1]
    assert found[-1].start_us == 10_000, "the grid stays where it was"
    assert cutter.skipped_us == 10_000 - 60
    assert told == ["no events for 0 s: 0 s of it were stepped through"]


def test_a_broken_clock_is_told_a_few_times_and_counted_every_time():
    told = []
    cutter = TimeWindows(10, longest_gap_us=10, say=told.append)
    windows(cutter, events_at(3 * JUMP_US * np.arange(20, 0, -1)))
    assert len(told) == SAID
    assert cutter.jumps == 19 > SAID


@pytest.mark.parametrize("stray", [0, 10**9])
def test_one_stray_event_makes_no_darkness(stray):
    cutter = TimeWindows(10)
    found = windows(cutter, events_at([5 * JUMP_US, stray, 5 * JUMP_US + 1, 5 * JUMP_US + 10]))
    assert [len(window.events) for window in found] == [3, 1]
    assert (cutter.late, cutter.jumps) == (1, 0)


def test_silence_closes_windows_up_to_a_time():
    cutter = TimeWindows(10)
    assert list(cutter.silence(1000)) == [], "before the first event there is no time"
    assert list(cutter.feed(events_at([100]))) == []
    assert [len(window.events) for window in cutter.silence(129)] == [1, 0]
    assert list(cutter.rest()) == []
    assert list(CountWindows(3).silence(1000)) == []


@pytest.mark.parametrize("make", [TimeWindows, CountWindows])
def test_a_window_of_nothing_is_refused(make):
    with pytest.raises(UserError, match="at least 1"):
        make(0)
