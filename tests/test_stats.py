import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.stats import effective_answers, share_interval, wilson_interval


@pytest.mark.parametrize(
    ("right", "answers", "low", "high"),
    [
        (132, 132, 132 / (132 + 1.96**2), 1.0),  # all right: n / (n + z^2)
        (0, 10, 0.0, 1.96**2 / (10 + 1.96**2)),
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_one_of_the_literature(right, answers, low, high):
    assert wilson_interval(right / answers, answers) == pytest.approx((low, high), abs=6e-5)


def test_all_132_of_132_right_is_97_2_to_100_per_cent():
    low, high = share_interval(np.ones(132, bool))
    assert (round(100 * low, 1), high) == (97.2, 1.0)


@given(answers=st.integers(1, 300), share=st.floats(0, 1))
def test_the_interval_holds_the_share_and_mirrors(answers, share):
    low, high = wilson_interval(share, answers)
    assert 0 <= low <= share <= high <= 1
    assert low < high
    other_low, other_high = wilson_interval(1 - share, answers)
    assert (1 - other_high, 1 - other_low) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(("share", "answers"), [(1.1, 5), (-0.1, 5), (float("nan"), 5), (0.5, 0)])
def test_what_is_no_share_of_answers_is_refused(share, answers):
    with pytest.raises(ValueError, match="must be"):
        wilson_interval(share, answers)
    with pytest.raises(ValueError, match="no event"):
        share_interval(np.ones(0, bool))


# Events that share a sequence


def test_events_with_sequences_of_their_own_are_independent():
    right = np.arange(50) < 31
    assert share_interval(right, 3 * np.arange(50)[::-1]) == share_interval(right)


@pytest.mark.parametrize("right", [True, False])
def test_sequences_that_are_all_alike_count_as_one_answer_each(right):
    answers, sequence = np.full(1000, right), np.repeat(np.arange(250), 4)
    assert effective_answers(answers, sequence) == 250
    assert share_interval(answers, sequence) == wilson_interval(float(right), 250)


def test_the_design_effect_is_the_one_by_hand():
    """Hits 2, 1, 1, 0 of two each; with a right and a wrong sequence added 2, 1, 1, 0, 2, 0 of
    12: half, squares around 1 a sequence sum to 4, times 6/5, over 12 / 4: 1.6."""
    right = np.array([1, 1, 1, 0, 0, 1, 0, 0], bool)
    assert effective_answers(right, np.repeat(np.arange(4), 2)) == pytest.approx(8 / 1.6)


def test_a_wrong_answer_more_never_raises_the_interval():
    """Where an estimate of deff had nothing to go by, all right could say less than one wrong."""
    sequence, right = np.repeat(np.arange(250), 4), np.ones(1000, bool)
    ends = [share_interval(right, sequence)]
    for event in range(0, 240, 4):
        right[event] = False
        ends.append(share_interval(right, sequence))
    low, high = np.array(ends).T
    assert (np.diff(high) <= 0).all()
    assert low[-1] < low[0]
    assert (np.diff(low) < 2e-3).all()


@given(seed=st.integers(0, 99), sequences=st.integers(1, 30))
def test_the_effective_number_lies_between_sequences_and_events(seed, sequences):
    rng = np.random.default_rng(seed)
    sequence = np.repeat(np.arange(sequences), rng.integers(1, 5, sequences))
    right = rng.random(len(sequence)) < 0.8
    sizes = np.bincount(sequence)
    found = effective_answers(right, sequence)
    assert len(right) ** 2 / (sizes**2).sum() - 1e-9 <= found <= len(right)


def test_the_order_of_events_changes_nothing():
    rng = np.random.default_rng(0)
    sequence, right = rng.integers(0, 40, 200), rng.random(200) < 0.7
    order = rng.permutation(200)
    assert share_interval(right[order], sequence[order]) == pytest.approx(
        share_interval(right, sequence)
    )


# Coverage


@pytest.mark.parametrize("share", [0.03, 0.5, 0.8, 0.97])
def test_it_covers_the_truth_19_times_of_20(share):
    draws = np.random.default_rng(0).random((2000, 300)) < share
    covered = [low <= share <= high for low, high in map(share_interval, draws)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("share", [0.6, 0.95, 0.99])
def test_it_covers_the_truth_where_events_share_sequences(share, correlation):
    """Shares of sequences from a beta distribution, whose spread gives the correlation."""
    rng = np.random.default_rng(1)
    sequence = np.repeat(np.arange(100), 4)
    strength = np.inf if correlation == 0 else 1 / correlation - 1
    covered = []
    for _ in range(800):
        own = np.full(100, share)
        if correlation:
            own = rng.beta(share * strength, (1 - share) * strength, 100)
        low, high = share_interval(rng.random(400) < own[sequence], sequence)
        covered.append(low <= share <= high)
    assert 0.93 <= np.mean(covered) <= 0.995
