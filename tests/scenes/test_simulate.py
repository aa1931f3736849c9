from dataclasses import replace

import numpy as np
import pytest

from neurosvt.native import library
from neurosvt.scenes.sampling import SceneConfig, sample_objects
from neurosvt.scenes.simulate import simulate
from neurosvt.scenes.tiers import TIERS
from neurosvt.scenes.timeline import Clock


def events(tier, batch, config, backend, seed=5):
    """Frames of the tier's timeline, simulated by one backend."""
    config = TIERS[tier].camera(config)
    n, first = config.substeps, 9 + TIERS[tier].transition(9, 20)
    phases = [n * begin for begin in (9, first, first + 20, first + 29)]
    clock = Clock(*phases, n, config.frame_us / n / 1000)
    sampling, hiding, sensing = np.random.default_rng(seed).spawn(3)
    objects = sample_objects(sampling, batch, config)
    objects = replace(objects, radius=TIERS[tier].scale * objects.radius)
    timeline = TIERS[tier].timeline(objects, clock, hiding, config)
    frames = np.zeros((clock.end // n, batch, 2, config.size, config.size), bool)
    simulate(objects, timeline, frames, sensing, config, backend)
    return frames


@pytest.mark.skipif(library() is None, reason="the kernels were not built here")
@pytest.mark.parametrize(
    "config",
    [
        SceneConfig(),
        SceneConfig(size=33, substeps=3, contrast_threshold=0.05),
        SceneConfig(blind=True),
    ],
    ids=["default", "odd", "blind"],
)
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("tier", TIERS)
def test_the_kernel_gives_every_event_that_the_definition_gives(tier, batch, config):
    expected = events(tier, batch, config, "reference")
    # A tunnel's wall cannot be seen but by what it hides; an empty scene may have noise alone.
    if tier != "empty":
        assert expected.any() == (tier not in ("tunnel", "leaves") or not config.blind)
    assert np.array_equal(events(tier, batch, config, "native"), expected)


@pytest.mark.parametrize("tier", TIERS)
def test_resting_pixels_follow_the_definition_whatever_is_asked_for(tier):
    """The kernel knows no refractory period."""
    config = SceneConfig(refractory_us=12_000)
    rested = events(tier, 2, config, "auto")
    assert np.array_equal(rested, events(tier, 2, config, "reference"))
    assert rested.sum() < events(tier, 2, SceneConfig(), "auto").sum()


def test_an_empty_scene_shows_light_and_curtain_to_both():
    expected = events("empty", 6, SceneConfig(), "reference")
    assert sorted(expected.any((0, 2, 3, 4))) == [False] * 2 + [True] * 4
