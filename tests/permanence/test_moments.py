"""When an answer about presence counts, by hand and by what scenes say of themselves."""

from dataclasses import replace

import numpy as np
import pytest

from neurosvt.permanence.moments import judges_presence, moments_of, of_unfamiliar
from neurosvt.permanence.tasks import SceneTask
from neurosvt.presence import Presence
from neurosvt.scenes.scenes import SceneConfig

TASK = SceneTask("test", seen=4, batch=5, scene=SceneConfig(size=32))


def asked(tier, hidden=30, task=TASK):
    """A batch, and when it is asked about."""
    scenes = next(iter(task.batches(tier, hidden, 5)))
    return scenes, moments_of(tier, scenes, task.scene)


@pytest.mark.parametrize("tier", TASK.tiers)
def test_tiers_of_belief_ask_in_view_hidden_and_back(tier):
    scenes, moments = asked(tier)
    assert list(moments) == ["visible", "belief", "recovery"]
    assert not judges_presence(tier)
    assert (scenes.presence[moments["visible"]] == Presence.IN_VIEW).all()
    assert (scenes.presence[moments["belief"]] == Presence.HIDDEN).all()


@pytest.mark.parametrize(("frame_us", "frames"), [(10_000, 20), (5_000, 40), (20_000, 10)])
def test_what_left_is_asked_about_after_a_fifth_of_a_second_and_at_the_end(frame_us, frames):
    scenes, moments = asked("leaves", 45, TASK.at(frame_us))
    (o,) = scenes.occlusions
    assert list(moments) == ["visible", "soon", "last"]
    assert set(moments["soon"][0]) == {o.first + frames - 1}
    assert (scenes.presence[o.first : o.first + frames] == Presence.GONE).all()
    assert set(moments["last"][0]) == {o.last}
    assert (scenes.presence[moments["visible"]] == Presence.IN_VIEW).all()


def test_what_comes_back_sooner_is_not_asked_about_so_late():
    assert "soon" in asked("leaves", 20)[1]
    assert "soon" not in asked("leaves", 19)[1]


def test_empty_scenes_are_asked_about_at_every_frame():
    scenes, moments = asked("empty")
    assert list(moments) == ["always"]
    frames, sequences = moments["always"]
    assert len(frames) == scenes.presence.size
    assert set(zip(frames.tolist(), sequences.tolist(), strict=True)) == set(
        np.ndindex(scenes.presence.shape)
    )


def test_strangers_of_the_family_that_training_never_shows_stand_apart():
    scenes, moments = asked("stranger")
    (o,) = scenes.occlusions
    assert list(moments) == ["visible", "visible_unfamiliar", "last", "last_unfamiliar"]
    for name, when in (("visible", o.seen), ("last", np.full(5, o.last))):
        assert moments[name][1].tolist() == [0, 2, 4]
        assert moments[of_unfamiliar(name)][1].tolist() == [1, 3]
        for one in (name, of_unfamiliar(name)):
            frames, sequences = moments[one]
            assert np.array_equal(frames, when[sequences])
    _, of_known = asked("stranger", task=replace(TASK, batch=1))
    assert not len(of_known["last_unfamiliar"][0])
