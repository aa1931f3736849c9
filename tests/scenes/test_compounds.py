import numpy as np
import pytest

from neurosvt.scenes import SceneConfig, make_scenes
from neurosvt.scenes.compounds import LARGER
from neurosvt.scenes.outlines import MOST_ALIKE, likeness
from neurosvt.scenes.shapes import plane_wave, textured
from tests.scenes.staged import staged


def shown(share):
    stage = staged("stranger", 8, config=SceneConfig(compound=share))
    return stage.timeline.shown, stage.objects


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_so_many_strangers_are_compounds_and_all_others_as_they_were(share):
    (plain, _), (found, objects) = shown(0.0), shown(share)
    compound = (found.outline != plain.outline).any((1, 2))
    assert compound.sum() == 8 * share
    larger = found.radius / objects.radius
    assert (larger[~compound] == 1).all()
    assert (larger[compound] >= LARGER[0]).all()
    for name in ("label", "angle"):
        np.testing.assert_array_equal(getattr(found, name), getattr(objects, name))
    for name in ("radius", "brightness"):
        same = getattr(found, name) == getattr(objects, name)
        np.testing.assert_array_equal(same, ~compound)
    if share:
        np.testing.assert_array_equal(found.grating[~compound, 0], objects.grating[~compound])
        assert not found.grating[~compound, 1:, 0].any()
        assert (likeness(found.outline[compound]) <= MOST_ALIKE).all()


def test_a_compound_makes_more_events_in_the_mean_and_is_a_stranger_all_along():
    settings = {"seen": 12, "hidden": 5, "after": 0}
    few, many = (
        make_scenes("stranger", 3, 24, config=SceneConfig(compound=share), **settings)
        for share in (0.0, 1.0)
    )
    assert many.frames[:10].sum() > 1.5 * few.frames[:10].sum()
    np.testing.assert_array_equal(many.presence, few.presence)


def test_a_surface_of_several_waves_is_their_sum():
    rng = np.random.default_rng(0)
    waves, covered = rng.normal(size=(2, 3, 4)), np.ones((2, 9, 9), np.float32)
    light, _ = textured(covered, np.zeros(2), waves).swapaxes(0, 1)
    middle = np.arange(9, dtype=np.float32) - 4
    total = sum(
        plane_wave(waves[:, i], middle[None, None], middle[None, :, None]) for i in range(3)
    )
    np.testing.assert_allclose(light, np.exp(total), rtol=1e-5)


@pytest.mark.parametrize("name", ["compound", "unfamiliar"])
def test_shares_are_shares(name):
    with pytest.raises(ValueError, match=f"{name} must lie in"):
        SceneConfig(**{name: 1.5})
