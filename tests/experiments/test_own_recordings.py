"""Recordings of one's own, all the way: prepared, trained on, judged, followed."""

import numpy as np
import pytest

from neurosvt import load
from neurosvt.cli import main
from neurosvt.config import ConfigError, UserError
from neurosvt.events.recording import Recording, pack_events
from neurosvt.experiments.registry import run_settings
from neurosvt.experiments.runs import build_run
from neurosvt.formats import write_events
from neurosvt.loaders.occlusions import OcclusionConfig
from neurosvt.loaders.recordings import RecordingStream
from neurosvt.permanence.recording_task import RecordingTask
from neurosvt.presence import Presence
from neurosvt.scenes.sampling import SceneConfig
from tests.tiny_runs import TINY, short_validation

SENSOR = (346, 260)
SILENT = SceneConfig(size=32, noise_hz=0.0)


def swinging(y, seconds=3.0, seed=0):
    """Events of a thing that swings from side to side at a height of the sensor."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, int(seconds * 1e6), 12_000))
    x = 173 + 90 * np.sin(2e-6 * np.pi * t) + rng.normal(0, 8, len(t))
    events = pack_events(
        t, x.astype(int), (y + rng.normal(0, 8, len(t))).astype(int), rng.integers(0, 2, len(t))
    )
    return Recording(events, *SENSOR, None, "thing")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A prepared folder of two things, of which labels say when one is hidden."""
    place = tmp_path_factory.mktemp("recordings")
    rows = ["recording,class,split,hidden"]
    for number, (name, y, split) in enumerate(
        [("cup", 90, "train"), ("pen", 170, "train"), ("cup", 90, "test"), ("pen", 170, "test")]
    ):
        write_events(place / f"{number}.npz", swinging(y, seed=number))
        rows.append(f"{number}.npz,{name},{split},{'1-1.3;2-2.1' if name == 'cup' else ''}")
    (place / "index.csv").write_text("\n".join(rows))
    assert main(["data", "prepare", "index", str(place / "index.csv"), str(place / "own")]) == 0
    return place / "own"


def task(own, **changes):
    return RecordingTask(str(own), "test", seen=8, batch=4, scene=SILENT, **changes)


def test_what_is_cut_in_hides_all_and_nothing_else(own):
    for tier in ("curtain", "gripper", "blackout"):
        (scenes,) = task(own).batches(tier, 20, 4)
        hidden = scenes.hidden[:, 0]
        assert hidden.sum() == 20
        assert not scenes.frames[hidden][1:].any(), tier
        assert scenes.frames[:8].any()
        assert scenes.frames[-1].any()
        assert set(np.unique(scenes.presence)) == {Presence.IN_VIEW, Presence.HIDDEN}


def test_jaws_meet_at_the_object_and_darkness_has_no_edge(own):
    uncut = next(iter(task(own).batches("blackout", 20, 4)))
    jaws = next(iter(task(own).batches("gripper", 20, 4)))
    first = int(jaws.hidden[:, 0].argmax())
    nx, ny, light, _, one, other, _ = jaws.occluder[first].T
    centre = jaws.position[first] @ np.stack([nx, ny])
    np.testing.assert_allclose(np.diagonal(centre), one, atol=0.1)
    np.testing.assert_allclose(one - other, 1 / 32, atol=1e-3)
    assert (light == 1).all()
    assert (uncut.occluder[first : first + 20, :, 2] == 0).all()


def test_labelled_hiding_counts_as_it_is(own):
    asked = task(own, tiers=("annotated",))
    (scenes,) = asked.batches("annotated", 20, 1000)
    (occlusion,) = scenes.occlusions
    assert scenes.label.shape[1] == 1, "one span of a test recording lasts for 20 frames"
    assert (occlusion.first, occlusion.last) == (8, 27)
    assert scenes.hidden[:, 0].nonzero()[0][[0, -1]].tolist()[0] == 8
    assert scenes.frames[8:28].any(), "what was recorded stays as it was recorded"
    two = list(asked.batches("annotated", 10, 1000))
    assert sum(s.label.shape[1] for s in two) == 2
    assert not asked.supports("annotated", 31)
    with pytest.raises(UserError, match="no recording of test hides for 31 frames"):
        next(asked.batches("annotated", 31, 1))


def test_training_batches_hold_all_tiers_in_equal_shares(own):
    tiers = ("curtain", "gripper", "blackout", "annotated")
    config = OcclusionConfig(
        dataset="recordings", source=str(own), tiers=tiers, seen=(4, 8), hidden=(5, 10)
    )
    stream = RecordingStream(config, 8, 3, 0, 32)
    batch, again = stream[1], stream[1]
    assert batch.frames.shape[1] == 8
    assert (batch.frames == again.frames).all()
    assert set(batch.label[0].tolist()) == {0, 1}
    assert (batch.presence == Presence.HIDDEN).any(0).all()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"source": ""}, "source names the folder of recordings"),
        ({"dataset": "scenes"}, "source names the folder of recordings"),
        ({"tiers": ("tunnel",)}, "tiers of recordings are curtain, gripper, blackout, annotated"),
        ({"seen": (500, 600)}, "shorten data.seen"),
    ],
)
def test_what_does_not_fit_is_said(own, changes, named):
    options = {"dataset": "recordings", "source": str(own), "tiers": ("curtain",)} | changes
    with pytest.raises(ValueError, match=named):
        RecordingStream(OcclusionConfig(**options), 2, 1, 0, 32)


def own_run(own, **settings):
    settings = {**TINY, "data.dataset": "recordings", "data.source": str(own), **settings}
    settings["data.tiers"] = '["curtain", "annotated"]'
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


def test_a_model_is_trained_judged_and_asked_and_knows_its_classes(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = own_run(own)
    with short_validation():
        assert main(["train", "permanence_stage1", "--out", "mine", *words]) == 0
    asked = ["--hidden", "5", "--events", "4", "--memory", "leaky", "--json", "rows.json"]
    assert main(["permanence", "mine", *asked]) == 0
    assert load("mine").model.class_names == ("cup", "pen")
    write_events("new.npz", swinging(170, seed=9))
    found = load("mine").predict("new.npz")
    assert {line.class_name for line in found} <= {"cup", "pen"}
    own.rename(own.with_name("elsewhere"))
    try:
        assert load("mine").run.classes == ("cup", "pen"), "they travel with the checkpoint"
    finally:
        own.with_name("elsewhere").rename(own)


def test_what_another_learnt_is_kept_and_its_classes_are_replaced(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = own_run(own)
    with short_validation():
        first = [w for n, v in TINY.items() for w in ("--set", f"{n}={v}")]
        assert main(["train", "permanence_stage1", "--out", "first", *first]) == 0
        more = ["--set", "train.start=first", "--set", "train.freeze=spatial"]
        assert main(["train", "permanence_stage1", "--out", "mine", *words, *more]) == 0
    before, after = (load(name).model for name in ("first", "mine"))
    theirs, mine = before.state_dict(), after.state_dict()
    spatial = [name for name in theirs if not name.startswith(("memory.", "heads."))]
    assert spatial
    assert all((theirs[name] == mine[name]).all() for name in spatial), "norms included"
    assert (before.num_classes, after.num_classes) == (8, 2)
    assert any((theirs[n] != mine[n]).any() for n in theirs if n.startswith("memory."))


def test_a_run_says_how_many_classes_its_folder_has(own):
    settings = run_settings("permanence_stage1")
    settings["data"] |= {"dataset": "recordings", "source": str(own), "tiers": ["curtain"]}
    run = build_run(settings)
    assert (run.model.classes, run.classes) == (2, ("cup", "pen"))
    settings["data"]["source"] = ""
    with pytest.raises(ConfigError, match="source names the folder"):
        build_run(settings)
