import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.training.schedule import warmup_cosine


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 0.9),
    peak=st.floats(1e-6, 10),
)
def test_the_rate_rises_to_its_peak_then_falls_and_stays_above_zero(steps, warmup, peak):
    rates = [warmup_cosine(step, steps, peak, warmup) for step in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(peak)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert min(rates) > 0
    assert top <= max(1, round(steps * warmup))


def test_it_is_the_formula_at_its_corners():
    rates = [warmup_cosine(step, 200, 2.0, 0.1) for step in (0, 4, 19, 20, 110, 155, 200)]
    assert rates == pytest.approx([0.1, 0.5, 2.0, 2.0, 1.0, 1 - 0.5**0.5, 0.0])


def test_the_warm_up_is_a_straight_line():
    rates = [warmup_cosine(step, 100, 1.0, 0.3) for step in range(30)]
    assert rates == pytest.approx([(step + 1) / 30 for step in range(30)])
