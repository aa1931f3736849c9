import numpy as np
import pytest

from neurosvt.datasets.mnist import Digits
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.digits import paint_digits
from neurosvt.scenes.sampling import SceneConfig, sample_objects
from neurosvt.scenes.scenes import make_scenes
from neurosvt.scenes.succession import make_succession

SILENT = SceneConfig(noise_hz=0.0)


@pytest.fixture
def digits():
    """Discs of grey, a little larger with every class."""
    y, x = np.mgrid[:28, :28] - 13.5
    images = [255 * (np.hypot(x, y) < 5 + label / 2) for label in range(10)]
    return Digits(np.array(images * 3, np.uint8), np.tile(np.arange(10), 3))


def test_scenes_show_digits_and_know_which(digits):
    scenes = make_scenes("curtain", 0, 32, seen=8, hidden=5, after=2, config=SILENT, digits=digits)
    assert len(np.unique(scenes.label)) > 5
    other = make_scenes("curtain", 0, 32, seen=8, hidden=5, after=2, config=SILENT)
    assert np.array_equal(scenes.position, other.position)
    assert not np.array_equal(scenes.frames, other.frames)


def test_a_succession_draws_a_digit_for_every_part(digits):
    scenes = make_succession(0, 64, seen=4, hidden=[2, 2], after=0, config=SILENT, digits=digits)
    first, second = (scenes.label[o.last] for o in scenes.occlusions)
    assert 0 < (first == second).mean() < 0.4


def test_a_digit_is_drawn_at_its_size_and_turn():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 13:15] = 255  # a bar, upright
    appearance = {"brightness": np.zeros(1), "grating": np.zeros((1, 4))}
    for angle, long_axis in ((0.0, 0), (np.pi / 2, 1)):
        _, covered = paint_digits(
            image, np.array([13.0]), np.array([angle]), **appearance, side=40
        )[0]
        extent = [np.ptp(np.nonzero(covered > 0.5)[axis]) + 1 for axis in (0, 1)]
        assert extent[long_axis] == pytest.approx(20, abs=1)
        assert extent[1 - long_axis] == pytest.approx(2, abs=1)
        assert covered.max() <= 1
    y, x = np.nonzero(covered)
    assert np.hypot(x - 19.5, y - 19.5).max() <= 14


def test_a_task_of_digits_has_ten_classes(data_root):
    task = SceneTask("test", name="digits", root=data_root, batch=40, scene=SILENT)
    assert task.classes == tuple("0123456789")
    labels = np.concatenate([s.label[0] for s in task.batches("gripper", 5, 80)])
    assert len(np.unique(labels)) == 10


def test_objects_and_motion_are_those_of_the_seed_with_or_without_digits(digits):
    one, two = (sample_objects(np.random.default_rng(3), 8, SILENT, d) for d in (None, digits))
    assert np.array_equal(one.radius, two.radius)
    assert np.array_equal(one.velocity, two.velocity)
