import numpy as np
import pytest

from neurosvt.scenes.sensor import EVERYWHERE, Canvas, Sensor, add_noise


def sensor(frames, *, refractory=0, mismatch=0.0, border=0):
    """One that sees log intensity 0, its pixels' starting points all in the middle."""
    _, batch, _, height, width = frames.shape
    shape = (batch, height + 2 * border, width + 2 * border)
    made = Sensor(
        np.zeros(shape, np.float32),
        frames,
        threshold=0.2,
        mismatch=mismatch,
        refractory=refractory,
        side=2,
        rng=np.random.default_rng(0),
    )
    made.reference.flat[:] = 0
    return made


def blank(t=6, batch=1, size=3):
    return np.zeros((t, batch, 2, size, size), bool)


REGIONS = {
    "everywhere": EVERYWHERE,
    "flat": np.arange(9),
}


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS.keys())
@pytest.mark.parametrize(
    ("step", "channel"), [(0.19, None), (-0.19, None), (0.21, 1), (-0.21, 0), (3.0, 1)]
)
def test_a_step_of_light_fires_where_it_passes_the_threshold_and_nowhere_else(
    region, step, channel
):
    frames = blank()
    sensor(frames).see(0, 0, region, np.full(9, step, np.float32))
    expected = blank()
    if channel is not None:
        expected[0, :, channel] = True
    assert np.array_equal(frames, expected)


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS.keys())
def test_the_reference_follows_by_whole_thresholds(region):
    """0.5 is two thresholds of 0.2 and leaves 0.1: another 0.09 is silent, another 0.11 is not."""
    for extra, fires in ((0.09, False), (0.11, True)):
        frames = blank()
        eye = sensor(frames)
        eye.see(0, 0, region, np.full(9, 0.5, np.float32))
        eye.see(1, 1, region, np.full(9, 0.5 + extra, np.float32))
        assert frames[0, :, 1].all()
        assert frames[1, :, 1].all() == frames[1, :, 1].any() == fires


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS.keys())
def test_a_resting_pixel_is_silent_and_starts_afresh_from_what_it_sees_at_the_end(region):
    frames = blank()
    eye = sensor(frames, refractory=2)
    for substep, level in enumerate([0.3, 1.0, 2.0, 2.1, 2.3, 2.3]):
        eye.see(substep, substep, region, np.full(9, level, np.float32))
    fired = frames[:, 0, 1].all((1, 2))
    # Fires at 0, rests at 1 and 2 while its reference goes to 2.0, and fires again at 2.3.
    assert fired.tolist() == [True, False, False, False, True, False]
    assert not frames[:, :, 0].any()


def test_squares_flat_indices_and_everything_are_the_same_pixels():
    pixels = np.arange(2 * 5 * 5, dtype=np.float32).reshape(2, 5, 5)
    canvas = Canvas(pixels, side=2)
    squares = (np.array([0, 1]), np.array([1, 3]), np.array([2, 0]))
    values = canvas[squares]
    assert values.tolist() == [[[7, 8], [12, 13]], [[40, 41], [45, 46]]]
    which = np.arange(values.size)
    assert canvas.locate(squares, which).tolist() == values.ravel().tolist()
    canvas[squares] = -values
    assert (canvas[EVERYWHERE] < 0).sum() == values.size


def test_the_border_sees_but_does_not_report():
    frames = blank(size=3)
    eye = sensor(frames, border=2)
    eye.see(0, 0, np.arange(49), np.full(49, 1.0, np.float32))
    assert frames[0, 0, 1].all()
    assert frames.sum() == 9


def test_neighbours_in_a_batch_do_not_see_each_other():
    frames = blank(batch=3)
    sensor(frames).see(0, 2, np.arange(9, 18), np.full(9, 1.0, np.float32))
    assert frames[2, 1, 1].all()
    assert frames.sum() == 9


def test_thresholds_differ_between_pixels_as_asked():
    frames = blank(batch=4, size=64)
    spread = sensor(frames, mismatch=0.03).threshold.flat / 0.2
    assert spread.mean() == pytest.approx(1, abs=0.002)
    assert spread.std() == pytest.approx(0.03, rel=0.05)


def test_noise_has_the_rate_asked_for_and_no_favourite_polarity():
    """Expected 12,288 events; 5 standard deviations of a Poisson count are 554."""
    frames = np.zeros((100, 3, 2, 64, 64), bool)
    add_noise(frames, 1.0, 10_000, np.random.default_rng(3))
    assert abs(frames.sum() - 12_288) < 560
    assert abs(frames[:, :, 0].sum() - frames[:, :, 1].sum()) < 560
