import math

import numpy as np
import pytest

from neurosvt.classification.edges import correlation, edge_strength, less_position_mean


def grey(brightness):
    """(1, 3, Y, X) from (Y, X)."""
    return np.broadcast_to(np.asarray(brightness, np.uint8), (1, 3, *np.shape(brightness)))


def test_an_even_picture_has_no_edges():
    assert edge_strength(grey(np.full((8, 8), 77)), 4).max() < 1e-4


def test_a_ramp_is_as_steep_as_it_is_whichever_way_it_lies():
    ramp = np.arange(12)[None].repeat(12, 0) * 5
    for picture in (ramp, ramp.T, ramp[:, ::-1]):
        inner = edge_strength(grey(picture), 4).reshape(3, 3)[1, 1]
        assert inner == pytest.approx(5, rel=1e-5)


def test_an_edge_is_found_in_its_patches_alone():
    picture = np.zeros((16, 16))
    picture[:, 6:] = 200  # inside the second column of patches
    strength = edge_strength(grey(picture), 4).reshape(4, 4)
    assert (strength[:, 1] > 10).all()
    assert (np.delete(strength, 1, 1) == 0).all()


def test_the_coefficient_is_that_of_all_tokens():
    rng = np.random.default_rng(3)
    one = rng.normal(100, 1, (33, 7))
    two = 0.5 * one + rng.normal(0, 1, (33, 7))
    found = correlation(one, two)
    assert found.value == pytest.approx(np.corrcoef(one.ravel(), two.ravel())[0, 1])
    assert found.low < found.value < found.high
    assert correlation(one, -one).value == pytest.approx(-1)


def test_the_interval_is_over_images():
    """Tokens of one image that say the same are no further evidence."""
    rng = np.random.default_rng(3)
    one, noise = rng.normal(0, 1, (2, 50, 1))
    narrow = correlation(one, one + noise)
    again = correlation(one.repeat(64, 1), (one + noise).repeat(64, 1))
    assert again == pytest.approx(narrow)


def test_a_constant_correlates_with_nothing():
    found = correlation(np.full((5, 4), 3.0), np.random.default_rng(0).random((5, 4)))
    assert all(math.isnan(value) for value in found)


def test_what_depends_on_the_position_alone_is_taken_away():
    position = np.arange(7.0)[None].repeat(5, 0)
    assert np.abs(less_position_mean(position)).max() == 0
    rest = np.random.default_rng(0).normal(0, 1, (5, 7))
    np.testing.assert_allclose(less_position_mean(position + rest), rest - rest.mean(0))
