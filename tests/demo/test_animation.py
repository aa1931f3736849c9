"""The animated picture of the README."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurosvt.demo import animation
from neurosvt.experiments.checkpoints import load

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "remember.gif"


@pytest.fixture(scope="module")
def shot():
    model = load("permanence").model
    return animation.film_scene(model, "title", "curtain", seed=11, seen=12, hidden=30, after=12)


def test_the_committed_picture_is_small_and_moves():
    assert PICTURE.stat().st_size <= 1_500_000
    with Image.open(PICTURE) as picture:
        assert picture.size == animation.SIZE
        assert picture.n_frames > 50


def test_the_belief_is_drawn_where_it_is(shot):
    """Only the sensor is searched: the bars and the caption are orange, too."""
    t = shot.scenes.occlusions[0].last
    inner = slice(animation.MARGIN, animation.MARGIN + animation.SIDE)
    sensor = np.asarray(animation.draw_picture(shot, t))[inner, inner]
    y, x = np.nonzero((sensor == animation.BELIEF).all(-1))
    middle = np.array([x.mean(), y.mean()]) / animation.SIDE
    assert np.abs(middle - shot.position[t]).max() < 0.03


def test_the_caption_says_how_long_the_object_has_been_hidden(shot):
    (occlusion,) = shot.scenes.occlusions
    at = (0, occlusion.first - 1, occlusion.first + 19, occlusion.last + 1)
    assert [animation.visibility(shot.scenes, t) for t in at] == [
        "in view", "going out of view", "hidden for 0.2 s", "in view again",
    ]  # fmt: skip


def test_writing_draws_every_second_frame(tmp_path, shot, monkeypatch):
    monkeypatch.setattr(animation, "film_scene", lambda *_, **__: shot)
    animation.write_animation(tmp_path / "new" / "a.gif")
    with Image.open(tmp_path / "new" / "a.gif") as picture:
        # A picture that equals the one before is shown for longer instead.
        assert 0 < picture.n_frames <= 2 * (len(shot.scenes.frames) // animation.MERGED)


def test_a_strip_shows_six_moments_and_the_belief_in_each(shot):
    strip = np.asarray(animation.draw_strip(shot))
    side = animation.SIDE // 2
    for index in range(6):
        left = animation.MARGIN + index * (side + animation.MARGIN)
        panel = strip[animation.MARGIN : animation.MARGIN + side, left : left + side].astype(int)
        assert (np.abs(panel - animation.BELIEF).max(-1) < 30).sum() > 20
    assert strip.shape[1] == 6 * (side + animation.MARGIN) + animation.MARGIN


def test_the_committed_strip_is_there_and_small():
    strip = PICTURE.with_name("strip.png")
    assert strip.stat().st_size <= 200_000
    with Image.open(strip) as picture:
        assert picture.width > 4 * picture.height
