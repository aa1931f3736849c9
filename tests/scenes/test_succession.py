import numpy as np
import pytest

from neurosvt.scenes.scenes import RECOVERY, SceneConfig
from neurosvt.scenes.succession import PART_OPENING, make_succession

SILENT = SceneConfig(size=32, noise_hz=0.0)


def succession(seed=0, batch=8, hidden=(5, 9, 7), after=6, config=SILENT):
    return make_succession(seed, batch, seen=6, hidden=hidden, after=after, config=config)


def test_the_same_arguments_give_the_same_bytes():
    one, two, other = succession(3), succession(3), succession(4)
    assert np.array_equal(one.frames, two.frames)
    assert not np.array_equal(one.frames, other.frames)


def test_each_object_is_hidden_in_turn_for_the_time_asked_for():
    scenes = succession()
    assert [o.last - o.first + 1 for o in scenes.occlusions] == [5, 9, 7]
    inside = np.zeros(len(scenes.frames), bool)
    for o in scenes.occlusions:
        inside[o.first : o.last + 1] = True
        assert (o.seen < o.first).all()
        assert not scenes.hidden[o.seen[0] - 5 : o.seen[0] + 1].any()
        assert (scenes.position[o.first - 1 : o.last + 1] == scenes.position[o.last]).all()
    assert np.array_equal(scenes.hidden, np.broadcast_to(inside[:, None], scenes.hidden.shape))
    assert (scenes.occlusions[-1].recovered + 1 <= len(scenes.frames)).all()


def test_a_new_object_stands_at_another_position_and_may_be_of_any_class():
    scenes = succession(batch=256, hidden=(1, 1))
    first, second = (scenes.label[o.last] for o in scenes.occlusions)
    assert 0.05 < (first == second).mean() < 0.25  # one in eight
    assert np.bincount(second, minlength=8).min() > 10
    apart = scenes.position[scenes.occlusions[0].last] - scenes.position[scenes.occlusions[1].last]
    assert (np.linalg.norm(apart, axis=-1) > 1 / 8).mean() > 0.7


def test_recovery_asks_for_the_next_object_once_it_is_in_view():
    scenes = succession(batch=64)
    for one, following in zip(scenes.occlusions, scenes.occlusions[1:], strict=False):
        judged = one.recovered[0]
        assert one.last + RECOVERY <= judged <= one.last + PART_OPENING + RECOVERY
        assert np.array_equal(scenes.label[judged], scenes.label[following.last])
        assert not scenes.hidden[judged].any()


def test_light_and_shutter_both_hide_and_what_hid_gives_way():
    kinds = set()
    for seed in range(6):
        scenes = succession(seed)
        for one in scenes.occlusions[:-1]:
            dark = (scenes.occluder[one.last, :, 2] < 0.1).all()
            far = np.maximum(scenes.occluder[one.last, :, :2], 0).sum(-1)
            assert dark or (scenes.occluder[one.last, :, 4] > far).all()
            kinds.add(bool(dark))
            opened = scenes.occluder[one.recovered[0] + 2]
            assert (opened[:, 2] > 0.99).all()
            nx, ny = opened[:, 0], opened[:, 1]
            near = np.minimum(nx, 0) + np.minimum(ny, 0)
            assert (opened[:, 4] <= near).all()
    assert kinds == {True, False}


def test_every_sequence_is_silent_once_a_shutter_or_darkness_has_come_to_rest():
    scenes = succession(hidden=(60, 60), batch=4, after=0)
    for o in scenes.occlusions:
        assert not scenes.frames[o.last - 10 : o.last + 1].any()


def test_light_that_comes_on_is_seen_by_every_pixel():
    """Parts are joined in the dark; the dawn belongs to the next."""
    found = 0
    for seed in range(6):
        scenes = succession(seed, hidden=(3, 3))
        first = scenes.occlusions[0]
        if scenes.occluder[first.last, 0, 2] < 0.1:
            found += 1
            assert scenes.frames[first.last + 1, :, 1].mean() > 0.99
    assert found


def test_no_object_is_refused():
    with pytest.raises(ValueError, match="at least one object"):
        make_succession(0, 1, seen=1, hidden=[], after=0)
