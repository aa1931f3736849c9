"""Whether there is an object: what scenes say of it, held against what a camera can see."""

import numpy as np
import pytest

from neurosvt.presence import Presence
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import make_scenes
from neurosvt.scenes.succession import make_succession
from neurosvt.scenes.tiers import TIERS
from tests.scenes.staged import staged

SILENT = SceneConfig(noise_hz=0.0)
# In the dark nothing covers the object, but nothing is seen; an empty scene has none.
COVERING = [tier for tier in TIERS if tier not in ("blackout", "empty")]


@pytest.mark.parametrize("config", [SceneConfig(), SceneConfig(size=33, frame_us=7_000)], ids=str)
@pytest.mark.parametrize("tier", COVERING)
def test_no_light_of_an_object_reaches_the_sensor_while_it_is_hidden_or_gone(tier, config):
    scene = staged(tier, 8, seen=6, hidden=24, config=config)
    clock = scene.clock
    within = [clock.hidden, *range(clock.hidden + 1, clock.back, 5), clock.back]
    with_it, without = scene.light(within), scene.light(within, blind=True)
    np.testing.assert_allclose(with_it, without, atol=1e-5)
    shown = [clock.hide // 2]
    differs = np.abs(scene.light(shown) - scene.light(shown, blind=True)).max((0, 2, 3))
    assert (differs > 0.2).all()


@pytest.mark.parametrize("tier", COVERING)
def test_most_of_an_object_is_back_when_that_is_said(tier):
    scene = staged(tier, 16, seen=6, hidden=9, after=70)
    returns = scene.timeline.returns
    if returns is None:
        returns = np.full(16, scene.clock.back)
    late = np.ceil(returns).astype(int) + 3 * scene.clock.substeps
    differs = np.abs(scene.light(late.tolist()) - scene.light(late.tolist(), blind=True))
    assert (differs.max((2, 3)).diagonal() > 0.2).all()


def test_an_empty_scene_is_noise_or_a_change_of_light_or_a_curtain_in_equal_shares():
    scenes = make_scenes("empty", 0, 30, seen=6, hidden=9, after=8, config=SILENT)
    assert (scenes.presence == Presence.NOTHING).all()
    assert (scenes.label == 0).all()
    assert not scenes.hidden.any()
    busy = scenes.frames.any((0, 2, 3, 4))
    dark = (scenes.occluder[..., 2] < 0.1).any(0)
    assert (busy.sum(), dark.sum()) == (20, 10)
    assert scenes.frames[:, ~busy].sum() == 0
    (o,) = scenes.occlusions
    assert (scenes.occluder[o.first : o.last + 1, dark, 2] < 0.1).all()
    assert scenes.frames[o.last + 1, dark, 1].mean() > 0.9  # the light is back, everywhere
    assert scenes.frames[: o.first - 3, dark].sum() == 0
    curtain = busy & ~dark
    assert scenes.frames[:6].sum() == 0  # it comes when one does that hides
    assert scenes.frames[6 : o.last + 1, curtain].any((0, 2, 3, 4)).mean() > 0.9


def test_an_empty_scene_shows_no_object_whatever_its_class_would_be():
    one, blind = (
        make_scenes("empty", 1, 9, seen=6, hidden=9, after=8, config=config)
        for config in (SILENT, SceneConfig(noise_hz=0.0, blind=True))
    )
    assert np.array_equal(one.frames, blind.frames)


def test_what_has_left_is_gone_without_an_event_until_it_comes_back_at_the_same_edge():
    scenes = make_scenes("leaves", 2, 64, seen=24, hidden=40, after=60, config=SILENT)
    (o,) = scenes.occlusions
    gone = np.zeros(len(scenes.frames), bool)
    gone[o.first : o.last + 1] = True
    assert gone.sum() == 40
    assert (scenes.presence == np.where(gone, Presence.GONE, Presence.IN_VIEW)[:, None]).all()
    assert not scenes.hidden.any()
    assert not scenes.frames[gone].any()
    # Until shortly before, and again shortly after, it makes events.
    assert (scenes.frames[o.first - 6 : o.first].any((0, 2, 3, 4))).mean() > 0.95
    assert (scenes.frames[o.last + 1 : o.last + 7].any((0, 2, 3, 4))).mean() > 0.95
    left, back = scenes.position[o.first - 1], scenes.position[o.last + 1]
    assert np.abs(left - back).max() < 0.05
    outside = ((left < 0) | (left > 1)).any(-1)
    assert outside.all()
    assert len(np.unique(np.rint(np.concatenate([left, back]) * 2), axis=0)) > 3  # all four edges


def test_an_object_is_whole_until_it_begins_to_leave_and_goes_straight_out():
    scene = staged("leaves", 128, seen=24, hidden=20, after=60)
    position, clock = scene.timeline.position, scene.clock
    radius = scene.objects.radius
    inside = np.minimum(position, 64 - position).min(-1) - radius  # of its circle
    vanishes, returns = scene.timeline.vanishes, scene.timeline.returns
    assert vanishes is not None
    assert returns is not None
    assert (vanishes >= clock.hide - 1e-6).all()
    assert (returns <= clock.back + (clock.hidden - clock.hide) + 1e-6).all()
    for b in range(128):
        begin, end = int(vanishes[b]), int(np.ceil(returns[b]))
        assert inside[: begin + 1, b].min() > 0.49
        assert inside[end:, b].min() > 0.49
        crossing = position[begin + 1 : clock.hidden + 1, b]
        out = crossing[:, np.abs(crossing[-1] - 32).argmax()]
        assert np.abs(np.diff(out, n=2)).max() < 1e-9  # no border throws it back
    steps = np.linalg.norm(np.diff(position, axis=0), axis=-1)
    assert steps.max() < 2.048 / 2 + 1e-6
    assert (steps[: clock.hidden - 1] > 0.05).all()
    assert (steps[clock.hidden + 1 : clock.back - 1] == 0).all()


def test_a_stranger_is_one_from_the_first_frame_to_the_last_and_hidden_as_by_a_curtain():
    scenes, curtain = (
        make_scenes(tier, 3, 16, seen=8, hidden=30, after=9, config=SILENT)
        for tier in ("stranger", "curtain")
    )
    assert (scenes.presence == Presence.STRANGER).all()
    assert (scenes.label == 0).all()
    assert not scenes.hidden.any()
    assert (scenes.frames[2:8].any((2, 3, 4))).all()
    assert scenes.occlusions[0].first == curtain.occlusions[0].first
    assert not np.array_equal(scenes.frames[:8], curtain.frames[:8])
    # Until the curtain comes it moves as the object of the class would.
    assert np.array_equal(scenes.position[:8], curtain.position[:8])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_drawn_strangers_are_spread_evenly_over_a_batch(share):
    config = SceneConfig(unfamiliar=share)
    outline = staged("stranger", 8, config=config).timeline.shown.outline
    known = staged("stranger", 8).timeline.shown.outline
    drawn = staged("stranger", 8, config=SceneConfig(unfamiliar=1.0)).timeline.shown.outline
    familiar = (outline == known).all((1, 2))
    assert np.array_equal(~familiar, np.arange(1, 9) * share % 1 == 0 if share else np.zeros(8))
    assert ((outline == drawn).all((1, 2)) == ~familiar).all()
    settings = {"seen": 3, "hidden": 3, "after": 0, "config": config}
    assert np.array_equal(make_scenes("stranger", 1, 8, **settings).unfamiliar, ~familiar)
    assert make_scenes("curtain", 1, 8, **settings).unfamiliar is None


@pytest.mark.parametrize("tier", TIERS)
def test_emptiness_before_is_noise_alone_and_nothing_until_the_object_moves(tier):
    settings = {"seen": 8, "hidden": 9, "after": 4, "config": SILENT}
    plain = make_scenes(tier, 4, 4, **settings)
    late = make_scenes(tier, 4, 4, before=7, **settings)
    assert not late.frames[:7].any()
    assert np.array_equal(late.frames[7:], plain.frames)
    assert np.array_equal(late.position[7:], plain.position)
    assert np.array_equal(late.occluder[7:], plain.occluder)
    (o,), (p,) = late.occlusions, plain.occlusions
    assert (o.first, o.last) == (p.first + 7, p.last + 7)
    assert np.array_equal(o.seen, p.seen + 7)
    assert np.array_equal(o.recovered, p.recovered + 7)
    assert (late.presence[:7] == Presence.NOTHING).all()
    nothing = late.presence == Presence.NOTHING
    if tier == "empty":
        assert nothing.all()
    else:
        assert np.array_equal(nothing, ~late.moved)
        assert np.array_equal(late.presence[~nothing], plain.presence[~nothing[7:]])
        assert not nothing[7:].any() or tier in ("tunnel", "screen")  # which wait


def test_noise_and_hot_pixels_are_there_before_the_object_is():
    scenes = make_scenes("distractor", 5, 4, seen=4, hidden=3, after=0, before=200)
    empty = scenes.frames[:200]
    assert 0.9 < (empty.sum() / (200 * 4 * 64 * 64 * 0.01)) < 1.2
    often = empty.any(2).mean(0) > 0.3
    assert (often.sum((1, 2)) >= 3).all()
    whole = scenes.frames.any(2).mean(0)[often]
    assert (whole > 0.3).all()


def test_emptiness_may_come_before_a_succession_but_not_within():
    scenes = make_succession(
        6, 4, seen=6, hidden=[5, 4], after=3, before=9, config=SceneConfig(size=32, noise_hz=0.0)
    )
    assert not scenes.frames[:9].any()
    assert np.array_equal(
        scenes.presence == Presence.NOTHING, np.arange(len(scenes.frames))[:, None] < [9] * 4
    )
    assert [o.last - o.first + 1 for o in scenes.occlusions] == [5, 4]
    assert scenes.hidden.sum(0).tolist() == [9] * 4
    assert all(scenes.hidden[o.first : o.last + 1].all() for o in scenes.occlusions)
