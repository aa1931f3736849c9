import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.permanence.metrics import (
    NEAR,
    Outcomes,
    best_constant,
    calibration_error,
    concat_batches,
    forgetting,
    presence_row,
    reliability,
    row,
)
from neurosvt.presence import FORGOTTEN, Presence


def outcomes(predicted_class, predicted_position, label, position, confidence=None):
    confidence = np.ones(len(label)) if confidence is None else confidence
    columns = (
        predicted_class,
        predicted_position,
        label,
        position,
        np.arange(len(label)),
        confidence,
        [Presence.HIDDEN] * len(label),
        [Presence.HIDDEN] * len(label),
    )
    return Outcomes(*(np.asarray(a) for a in columns))


# Right and wrong


@pytest.mark.parametrize(
    ("offset", "right"),
    [
        ((0.0, 0.0), True),
        ((0.125, 0.0), True),
        ((0.0, -0.125), True),
        ((np.nextafter(0.125, 1), 0.0), False),
        ((0.08, 0.08), True),  # Euclidean, not their sum
        ((0.1, 0.1), False),
    ],
    ids=str,
)
def test_a_belief_is_right_up_to_an_eighth_of_the_sensor(offset, right):
    found = outcomes([3], [(0.5 + offset[0], 0.5 + offset[1])], [3], [(0.5, 0.5)])
    exact = replace(found, position=np.zeros((1, 2)), predicted_position=np.asarray([offset]))
    assert NEAR == 0.125
    assert exact.right.tolist() == [right]


def test_a_belief_needs_both_class_and_place():
    found = outcomes([1, 1, 2, 2], [(0, 0), (1, 1)] * 2, [1] * 4, [(0.0, 0.0)] * 4)
    assert found.right.tolist() == [True, False, False, False]
    assert found.class_right.tolist() == [True, True, False, False]
    assert found.position_error == pytest.approx([0, 2**0.5] * 2)


def test_batches_are_joined_in_order():
    parts = [outcomes([i], [(i, 0.0)], [i + 1], [(0.0, i)]) for i in range(3)]
    whole = concat_batches(parts)
    assert whole.predicted_class.tolist() == [0, 1, 2]
    assert whole.label.tolist() == [1, 2, 3]
    assert whole.predicted_position[:, 0].tolist() == whole.position[:, 1].tolist() == [0, 1, 2]
    assert whole.sequence.tolist() == [0, 1, 2]


# Figures


def some_answers(events, classes, seed):
    rng = np.random.default_rng(seed)
    position = rng.beta(2, 2, (events, 2)).astype(np.float32)
    return outcomes(
        rng.integers(0, classes, events), rng.random((events, 2)),
        rng.integers(0, classes, events), position,
    )  # fmt: skip


@given(events=st.integers(1, 40), classes=st.integers(1, 4), seed=st.integers(0, 99))
def test_the_best_constant_is_at_least_the_best_of_its_grid(events, classes, seed):
    """By asking every guess there is, one by one."""
    found = some_answers(events, classes, seed)
    ticks = np.linspace(0, 1, 9)
    guesses = [
        replace(
            found,
            predicted_class=np.full(events, label),
            predicted_position=np.broadcast_to((x, y), (events, 2)),
        ).right.mean()
        for label, x, y in itertools.product(range(classes), ticks, ticks)
    ]
    best = best_constant(found, grid=9)
    assert best.right.mean() >= max(guesses)
    assert len(set(best.predicted_class)) == 1
    assert len(np.unique(best.predicted_position, axis=0)) == 1
    assert np.array_equal(best.position, found.position)


def test_nothing_that_says_the_same_everywhere_is_above_the_best_constant():
    """Nor off its grid."""
    found = some_answers(300, 3, seed=1)
    best = best_constant(found).right.sum()
    lattice = np.random.default_rng(2).random((4000, 2))
    for label in range(3):
        near = np.linalg.norm(found.position[:, None] - lattice[None], axis=-1) <= NEAR
        assert near[found.label == label].sum(0).max() <= best


def test_a_row_holds_shares_pixels_and_counts():
    found = outcomes([1, 1, 1, 0], [(0.0, 0.0)] * 4, [1] * 4, [(0, 0), (0, 0), (0.5, 0), (0, 0)])
    figures = row(found, sensor_px=64)
    assert figures == {
        "score": 0.5,
        "low": figures["low"],
        "high": figures["high"],
        "class_score": 0.75,
        "place_error_px": 0.0,
        "confidence": 1.0,
        "calibration_error": 0.25,
        "forgotten": 0.0,
        "forgotten_of_wrong": 0.0,
        "events": 4,
    }
    assert 0 <= figures["low"] <= 0.5 <= figures["high"] <= 1
    far = outcomes([1] * 3, [(0.0, 0.0)] * 3, [1] * 3, [(0.25, 0), (0.5, 0), (0.75, 0)])
    assert row(far, sensor_px=64)["place_error_px"] == 32.0


def test_confidence_is_held_against_how_often_it_was_right():
    """Ten answers at 0.9 of which eight are right, and four at 0.5 of which two are."""
    right = [1] * 8 + [0] * 2 + [1, 1, 0, 0]
    confidence = np.array([0.9] * 10 + [0.5] * 4)
    found = outcomes(right, [(0, 0)] * 14, [1] * 14, [(0, 0)] * 14, confidence)
    low, high = reliability(found)
    assert (low["events"], low["class_score"], low["confidence"]) == (4, 0.5, 0.5)
    assert (high["from"], high["to"], high["events"]) == (0.9, 1.0, 10)
    assert high["class_score"] == pytest.approx(0.8)
    assert calibration_error(found) == pytest.approx(10 / 14 * 0.1)
    assert np.isnan(calibration_error(best_constant(found)))


# Forgetting and presence


def test_what_is_forgotten_is_counted_of_all_and_of_what_is_wrong():
    """Five answers, three of them wrong, of which two say so; and a right one that is unsure."""
    confidence = np.array([0.9, FORGOTTEN, 0.2, 0.49, 0.49])
    found = outcomes([1, 1, 1, 0, 0], [(0, 0)] * 5, [1, 0, 1, 1, 1], [(0, 0)] * 5, confidence)
    assert found.right.tolist() == [True, False, True, False, False]
    told = forgetting(found)
    assert told == {"forgotten": pytest.approx(3 / 5), "forgotten_of_wrong": pytest.approx(2 / 3)}


def test_nothing_wrong_and_no_confidence_have_no_share_that_is_forgotten():
    sure = outcomes([1], [(0, 0)], [1], [(0, 0)])
    assert np.isnan(forgetting(sure)["forgotten_of_wrong"])
    assert np.isnan(list(forgetting(best_constant(sure)).values())).all()


def test_presence_is_right_where_it_is_said_as_it_is():
    found = replace(
        outcomes([1] * 4, [(0, 0)] * 4, [1] * 4, [(0, 0)] * 4),
        predicted_presence=np.array([2, 2, 3, 1]),
        presence=np.array([2, 3, 3, 1]),
    )
    figures = presence_row(found)
    assert (figures["presence_score"], figures["events"]) == (0.75, 4)
    assert 0 < figures["low"] < 0.75 < figures["high"] < 1
    of_one = presence_row(replace(found, sequence=np.zeros(4, int)))
    assert of_one["low"] < figures["low"], "frames of one sequence tell less"
