import numpy as np
import pytest

from neurosvt.live.summary import Durations, StreamTally


def test_percentiles_are_right_to_one_per_cent():
    values = np.random.default_rng(0).lognormal(4, 1.5, 5_000)
    durations = Durations()
    for value in values:
        durations.add(value)
    assert durations.mean() == pytest.approx(values.mean())
    for share in (0.01, 0.5, 0.99, 1.0):
        exact = np.sort(values)[int(np.ceil(share * len(values))) - 1]
        assert durations.percentile(share) == pytest.approx(exact, rel=0.011)


def test_nothing_lasts_no_time():
    assert (Durations().mean(), Durations().percentile(0.5)) == (0, 0)


def test_what_is_out_of_range_is_kept_at_the_edge():
    durations = Durations()
    for value in (0.0, 1e12):
        durations.add(value)
    assert durations.count == 2


def test_a_summary_is_told_in_words():
    tally = StreamTally()
    tally.windows, tally.events, tally.stream_us = 3, 40, 30_000
    tally.dropped_windows = 2
    lines = tally.summary(late=5, malformed=6, clock_jumps=0, skipped_us=0).lines()
    assert lines[0] == "3 windows, 40 events, 2 windows with 0 events dropped"
    assert lines[1] == "5 events late, 6 malformed"
    assert "times real time" in lines[2]
    assert "of a core" in lines[2]
    assert "p99" in lines[3]
