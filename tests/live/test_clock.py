import numpy as np
import pytest

from neurosvt.live.clock import ArrivalClock


def test_before_the_first_event_there_is_no_time():
    assert ArrivalClock().time_us(5.0) is None


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_time_goes_on_while_nothing_comes(speed):
    clock = ArrivalClock(speed)
    clock.saw(1_000_000, 100.0)
    assert clock.time_us(100.5) == pytest.approx(1_000_000 + 500_000 * speed, abs=1)


def test_packets_that_come_late_are_waited_for():
    """Whatever the delay was, nothing that was seen is later than what the clock says."""
    clock, rng = ArrivalClock(), np.random.default_rng(0)
    for number in range(200):
        sent = number * 0.01
        arrival = sent + rng.uniform(0.001, 0.02)
        clock.saw(int(sent * 1e6), arrival)
        assert clock.time_us(arrival) <= sent * 1e6 + 1e-6 or clock.delay_us < 20_000


@pytest.mark.parametrize("drift", [0.5, 0.999, 1.001, 2.0])
def test_two_clocks_may_drift_apart(drift):
    """The stream's own time is followed: it is behind by no more than a moment."""
    clock = ArrivalClock()
    for number in range(5_000):
        now = number * 0.01
        clock.saw(int(now * drift * 1e6), now)
    assert clock.time_us(now) == pytest.approx(now * drift * 1e6, abs=1e6 * abs(drift - 1) + 1)
