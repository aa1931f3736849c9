"""Tiers of one's own: learnt from and judged by name as soon as they are there."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream
from neurosvt.permanence.tasks import SceneTask
from neurosvt.presence import Presence
from neurosvt.scenes.hiding import curtain
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import make_scenes
from neurosvt.scenes.succession import all_tiers
from neurosvt.scenes.tiers import TIERS, Tier


@pytest.fixture
def fog():
    """A tier that was not there when anything was imported."""
    TIERS["fog"] = Tier(curtain, frames_to_hide=9, longest=40)
    yield "fog"
    del TIERS["fog"]


def test_a_tier_that_was_added_can_be_made_by_name(fog):
    scenes = make_scenes(fog, 0, 2, seen=4, hidden=5, after=0)
    assert scenes.occlusions[0].first == 4 + 9


def test_a_tier_that_was_added_can_be_learnt_from(fog):
    config = OcclusionConfig(tiers=(fog, "blackout"), seen=(4, 4), hidden=(5, 5), after=0)
    batch = SceneStream(config, 4, 1, 0, size=32)[0]
    assert batch.frames.shape[0] == 4 + 9 + 5
    assert ((batch.presence == Presence.HIDDEN).sum(0) == 5).all()


def test_a_tier_that_was_added_is_judged_within_its_bounds(fog):
    task = SceneTask("test", scene=SceneConfig(size=32))
    assert fog in task.tiers
    assert task.supports(fog, 40)
    assert not task.supports(fog, 41)
    (scenes,) = task.batches(fog, 5, 3)
    assert scenes.label.shape[1] == 3


def test_a_tier_that_was_removed_is_unknown_again(fog):
    assert all_tiers()[-2:] == ("fog", "succession")
    gone = TIERS.pop("fog")
    with pytest.raises(UserError, match="tier 'fog' is unknown"):
        next(SceneTask("test").batches("fog", 5, 3))
    TIERS["fog"] = gone


@pytest.mark.parametrize(("wrong", "meant"), [("tunel", "tunnel"), ("sucession", "succession")])
def test_a_misspelt_tier_is_answered_with_the_one_that_is_meant(wrong, meant):
    for ask in (
        lambda: OcclusionConfig(tiers=(wrong,)),
        lambda: SceneTask("test").supports(wrong, 5),
    ):
        with pytest.raises(UserError, match=f"did you mean '{meant}'"):
            ask()


def test_no_tier_replaces_another():
    with pytest.raises(UserError, match="there is a tier 'blackout' already"):
        TIERS["blackout"] = Tier(curtain)


def test_a_tier_draws_from_its_own_generator_alone():
    """So that what is added changes no scene of the others."""
    plain = make_scenes("curtain", 3, 4, seen=4, hidden=5, after=2)
    slow = make_scenes(Tier(curtain, frames_to_hide=30), 3, 4, seen=4, hidden=5, after=2)
    assert np.array_equal(plain.label[0], slow.label[0])
    assert np.array_equal(plain.position[:4], slow.position[:4])
