from pathlib import Path

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets import nmnist
from neurosvt.datasets.folder import data_root
from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream
from neurosvt.permanence import tasks
from neurosvt.permanence.tasks import NMNISTTask, SceneTask, TrackTask
from neurosvt.scenes.scenes import RECOVERY, SceneConfig
from neurosvt.scenes.succession import all_tiers, belief_tiers
from neurosvt.scenes.tiers import TIERS

SMALL = SceneConfig(size=32)
SILENT = SceneConfig(size=32, noise_hz=0.0)


def scene_exam(split="test", seed=0, **settings):
    return SceneTask(split, seed, **{"seen": 4, "batch": 3, "scene": SMALL} | settings)


def asked(task, tier="blackout", hidden=3, events=3):
    return list(task.batches(tier, hidden, events))


@pytest.mark.parametrize("kind", [SceneTask, NMNISTTask, TrackTask])
def test_what_there_is_not_is_named(kind):
    with pytest.raises(UserError, match="split 'tset' is unknown; choose from"):
        kind("tset")
    with pytest.raises(UserError, match="tier 'fog' is unknown; choose from"):
        kind("test").supports("fog", 3)
    with pytest.raises(UserError, match="tier 'fog' is unknown; choose from"):
        asked(kind("test"), "fog")


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_splits_share_no_scene(seed):
    """Training's included."""
    shown = [asked(scene_exam(split, seed))[0] for split in ("validation", "test")]
    training = SceneStream(OcclusionConfig(seen=(4, 4), hidden=(3, 3)), 3, 9, seed, size=32)
    positions = training[0].position
    starts = [position.tobytes() for scenes in shown for position in scenes.position[0]]
    starts += [position.numpy().tobytes() for position in positions[0]]
    assert len(set(starts)) == len(starts) == 9


def test_the_batches_of_an_exam_share_no_scene():
    starts = [p.tobytes() for scenes in asked(scene_exam(), events=9) for p in scenes.position[0]]
    assert len(set(starts)) == 9


def test_the_same_seed_asks_the_same_and_another_does_not():
    one, two, other = (asked(scene_exam(seed=seed))[0] for seed in (0, 0, 1))
    assert np.array_equal(one.frames, two.frames)
    assert not np.array_equal(one.position, other.position)


@pytest.mark.parametrize(("events", "sizes"), [(1, [1]), (3, [3]), (7, [3, 3, 1])])
def test_exactly_the_events_asked_for_come(events, sizes):
    assert [s.label.shape[1] for s in asked(scene_exam(), events=events)] == sizes


def test_a_succession_asks_for_four_objects_of_every_sequence():
    (scenes,) = asked(scene_exam(), "succession", hidden=3, events=9)
    assert scenes.label.shape[1] == 3
    assert len(scenes.occlusions) == 4


def test_all_cells_of_a_seed_show_the_same_objects():
    resting = ("blackout", "curtain", "gripper", "distractor")
    cells = [asked(scene_exam(), tier, hidden)[0] for tier in resting for hidden in (1, 9)]
    for scenes in cells[1:]:
        assert np.array_equal(scenes.label[0], cells[0].label[0])
        assert np.array_equal(scenes.position[0], cells[0].position[0])


def test_in_shorter_frames_an_object_is_in_view_for_as_long():
    task = SceneTask("test", scene=SILENT)
    (halved,) = task.at(5_000).batches("blackout", 3, 2)
    assert (halved.occlusions[0].seen == 47).all()
    (usual,) = task.batches("blackout", 3, 2)
    assert np.array_equal(halved.label[0], usual.label[0])
    np.testing.assert_allclose(halved.position[47], usual.position[23], atol=1e-6)


@pytest.mark.parametrize("tier", belief_tiers())
def test_the_moments_of_a_question_are_where_they_should_be(tier):
    (scenes,) = asked(scene_exam(scene=SceneConfig(noise_hz=0.0)), tier, hidden=5)
    batch = scenes.label.shape[1]
    for o in scenes.occlusions:
        assert o.last == o.first + 4
        assert scenes.hidden[o.first : o.last + 1].all()
        assert not scenes.hidden[o.seen, np.arange(batch)].any()
        assert (o.recovered >= o.last + RECOVERY).all()
        assert (o.recovered < len(scenes.frames)).all()
    assert scenes.hidden.sum(0).tolist() == [5 * len(scenes.occlusions)] * batch


PRESENCE_TIERS = ("empty", "leaves", "stranger")


def test_tiers_that_ask_for_presence_are_known_but_not_asked_unless_named():
    task = scene_exam()
    assert task.tiers == belief_tiers()
    assert set(task.known) == {*task.tiers, *PRESENCE_TIERS} == set(all_tiers())
    assert {"carried", "contained", "succession"} < set(task.tiers)


@pytest.mark.parametrize("tier", PRESENCE_TIERS)
def test_presence_is_asked_for_as_long_as_nothing_can_be_seen(tier):
    (scenes,) = asked(scene_exam(scene=SceneConfig(noise_hz=0.0)), tier, hidden=5)
    (o,) = scenes.occlusions
    assert o.last == o.first + 4
    assert (scenes.presence[o.first : o.last + 1] == TIERS[tier].out_of_view).all()
    assert (scenes.presence[o.seen, np.arange(3)] == TIERS[tier].in_view).all()
    assert (o.recovered < len(scenes.frames)).all()


def test_every_second_stranger_of_an_exam_is_of_a_family_that_training_never_shows(monkeypatch):
    told = []
    monkeypatch.setattr(tasks, "make_scenes", lambda *a, config, **k: told.append(config))
    asked(scene_exam(), "stranger")
    assert [config.unfamiliar for config in told] == [0.5]
    assert short_training().scene.unfamiliar == 0


def short_training():
    settings = OcclusionConfig(seen=(4, 4), hidden=(3, 3), tiers=("stranger",))
    return SceneStream(settings, 3, 9, 0, size=32)


def test_the_last_seen_frame_comes_before_the_light_fails():
    (scenes,) = asked(scene_exam(scene=SILENT), "blackout", events=3)
    last_seen = scenes.occlusions[0].seen[0]
    assert (scenes.occluder[: last_seen + 1, :, 2] == 1).all()
    assert (scenes.occluder[last_seen + 1, :, 2] < 1).all()
    pixels = scenes.frames[..., 0, :, :].mean((-1, -2))  # OFF events
    assert (pixels[last_seen + 1] > 0.5).all()
    assert (pixels[: last_seen + 1] < 0.5).all()


def test_the_last_seen_frame_comes_before_the_curtain_moves():
    (scenes,) = asked(scene_exam(scene=SILENT), "curtain", events=3)
    last_seen = scenes.occlusions[0].seen[0]
    normal, offset = scenes.occluder[..., :2], scenes.occluder[..., 4]
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    nearest = (normal[last_seen] @ corners.T).min(-1)
    assert (offset[last_seen] <= nearest + 1e-5).all()


@pytest.fixture
def recordings_root(tmp_path) -> Path:
    """Twenty made-up test recordings, and enough to train and validate with."""
    rng = np.random.default_rng(0)
    (tmp_path / "nmnist_small").mkdir()
    for split, count in (("train", 130), ("test", 20)):
        total = count * 15
        np.savez(
            tmp_path / nmnist.NMNIST_FILES[split],
            x=rng.integers(0, nmnist.NMNIST_SIDE, total).astype(np.uint8),
            y=rng.integers(0, nmnist.NMNIST_SIDE, total).astype(np.uint8),
            p=rng.integers(0, 2, total).astype(np.uint8),
            t=rng.integers(0, 300_000, total).astype(np.uint32),
            offsets=np.arange(count + 1) * 15,
            labels=np.arange(count) * 7 % 10,
            ids=np.arange(count),
        )
    return tmp_path


def digit_exam(root, split="test", seed=0, batch=8):
    scene = SceneConfig(size=40, noise_hz=0.0)
    return NMNISTTask(split, seed, root=root, batch=batch, scene=scene)


def test_every_recording_is_asked_once_per_placement(recordings_root):
    task = digit_exam(recordings_root)
    labels = nmnist.load_nmnist("test", recordings_root).labels
    batches = list(task.batches("real", 2, 40))
    asked_for = np.concatenate([scenes.label[0] for scenes in batches])
    assert np.array_equal(asked_for, np.tile(labels, 2))
    positions = np.concatenate([scenes.position[0] for scenes in batches])
    moved = (positions[:20] != positions[20:]).any(-1)
    assert moved.mean() > 0.8  # 49 placements: a few fall on the same


def test_a_digit_is_asked_for_before_the_light_fails(recordings_root):
    task = digit_exam(recordings_root)
    scenes = next(iter(task.batches("real", 2, 4)))
    (occlusion,) = scenes.occlusions
    assert (occlusion.seen + 1 == nmnist.NMNIST_LAST_SEEN_US // 10_000).all()
    dark = nmnist.NMNIST_SEEN_US // 10_000
    assert scenes.frames[dark, :, 0].all()  # an OFF event at every pixel
    assert not scenes.frames[:dark, :, 0].all((-1, -2)).any()
    assert len(scenes.frames) == occlusion.last + RECOVERY + 1


def test_every_recording_still_moves_when_it_is_asked_for():
    """Or a model without memory would be judged on nothing."""
    if not (data_root() / "nmnist_small").is_dir():
        pytest.skip(f"no nmnist_small in {data_root()}")
    for split in ("validation", "test"):
        for scenes in NMNISTTask(split, scene=SceneConfig(noise_hz=0.0)).batches("real", 1, 100):
            assert (scenes.frames[scenes.occlusions[0].seen[0]].sum((1, 2, 3)) > 20).all()


def test_splits_of_recordings_share_neither_recording_nor_placement(recordings_root):
    shown = [
        next(iter(digit_exam(recordings_root, split).batches("real", 1, 8)))
        for split in ("validation", "test")
    ]
    assert not np.array_equal(shown[0].frames, shown[1].frames)
    other = next(iter(digit_exam(recordings_root, seed=1).batches("real", 1, 8)))
    assert np.array_equal(other.label, shown[1].label)
    assert not np.array_equal(other.position, shown[1].position)


def test_missing_recordings_are_named_before_anything_is_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="nmnist_test100"):
        next(iter(digit_exam(tmp_path).batches("real", 1, 1)))


def test_the_real_test_recordings_are_asked_ten_times_each(data_root):
    task = digit_exam(data_root, batch=500)
    labels = np.concatenate([s.label[0] for s in task.batches("real", 1, 1000)])
    assert len(labels) == 1000
    assert np.array_equal(labels[:100], nmnist.load_nmnist("test", data_root).labels)
    assert np.array_equal(labels, np.tile(labels[:100], 10))


@pytest.mark.parametrize("name", ["dvs128_objects", "pendulum"])
def test_recordings_are_asked_about_evenly(name, data_root):
    task = TrackTask("test", name=name, root=data_root, batch=20)
    scenes = list(task.batches("real", 30, 50))
    assert [s.label.shape[1] for s in scenes] == [20, 20, 10]
    labels = np.concatenate([s.label[0] for s in scenes])
    assert len(np.unique(labels)) == (3 if name == "dvs128_objects" else 1)
    assert all((o.recovered < len(s.frames)).all() for s in scenes for o in s.occlusions)
    again = next(iter(task.batches("real", 30, 50)))
    assert np.array_equal(again.frames, scenes[0].frames)
    other = next(iter(TrackTask("test", 1, name, root=data_root, batch=20).batches("real", 30, 50)))
    assert np.array_equal(other.position, scenes[0].position)
    assert not np.array_equal(other.frames, scenes[0].frames)


def test_a_recording_is_not_asked_about_beyond_its_end(data_root):
    task = TrackTask("test", name="pendulum", root=data_root)
    assert task.supports("real", 300)
    assert not task.supports("real", 3000)


def test_digits_one_after_the_other_are_asked_about_in_turn(recordings_root):
    task = digit_exam(recordings_root)
    scenes = list(task.batches("succession", 5, 60))
    assert [s.label.shape[1] for s in scenes] == [8, 7]
    for s in scenes:
        assert len(s.occlusions) == 4
        for one, following in zip(s.occlusions, s.occlusions[1:], strict=False):
            dawn = s.frames[one.last + 1]
            assert dawn[:, 1].all()  # an ON event at every pixel
            assert np.array_equal(s.label[one.recovered[0]], s.label[following.last])
        assert s.hidden.sum(0).tolist() == [20] * s.label.shape[1]
    assert len(np.unique(scenes[0].label[[o.last for o in scenes[0].occlusions]], axis=0)) > 1
