"""Recordings of one's own, all the way: prepared, trained on, judged, followed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurosvt import load
from neurosvt.cli import main
from neurosvt.config import ConfigError, UserError
from neurosvt.events.recording import Recording, pack_events
from neurosvt.experiments.refusal import Refusal
from neurosvt.experiments.registry import load_run, run_settings
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


@pytest.fixture(scope="module")
def with_others(own, tmp_path_factory):
    """The same, and what is none of the two."""
    place = tmp_path_factory.mktemp("others")
    rows = (own.parent / "index.csv").read_text().replace("\n", f"\n{own.parent}/").split("\n")
    for number, split in enumerate(["train", "test"]):
        write_events(place / f"{number}.npz", swinging(45, seed=20 + number))
        rows.append(f"{number}.npz,none,{split},")
    (place / "index.csv").write_text("\n".join(rows))
    assert main(["data", "prepare", "index", str(place / "index.csv"), str(place / "all")]) == 0
    return place / "all"


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
    one_each = replace(asked, batch=1).batches("annotated", 10, 1000)
    assert [s.label.shape[1] for s in one_each] == [1, 1]
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


def test_presence_is_taught_of_recordings_too(own, with_others):
    tiers = ("curtain", "empty", "leaves", "stranger")
    options = {"dataset": "recordings", "tiers": tiers, "seen": (4, 8), "hidden": (5, 10)}
    for source in (own, with_others):
        config = OcclusionConfig(source=str(source), empty_before=(3, 3), **options)
        batch = RecordingStream(config, 8, 8, 0, 32)[1]
        kinds = set(batch.presence[batch.within].tolist())
        assert kinds == set(Presence)
        asked = batch.presence[batch.asked]
        assert set(asked.tolist()) <= {Presence.IN_VIEW, Presence.HIDDEN}


def test_strangers_of_the_exam_are_those_of_the_index(own, with_others):
    torn = next(iter(task(own).batches("stranger", 20, 4)))
    theirs = next(iter(task(with_others).batches("stranger", 20, 4)))
    assert (torn.presence == Presence.STRANGER).all()
    assert (theirs.presence == Presence.STRANGER).all()
    middle = theirs.position[:, :, 1]  # this swings at a height of its own
    assert np.ptp(middle) < 2 / 32
    assert np.ptp(torn.position[:, :, 1]) > 0.2
    assert RecordingTask(str(with_others), "test").classes == ("cup", "pen")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"source": ""}, "source names the folder of recordings"),
        ({"dataset": "scenes"}, "source names the folder of recordings"),
        ({"tiers": ("tunnel",)}, "tiers of recordings are curtain, gripper, blackout, annotated, "),
        ({"seen": (500, 600)}, "shorten data.seen and data.long_views .600."),
    ],
)
def test_what_does_not_fit_is_said(own, changes, named):
    options = {"dataset": "recordings", "source": str(own), "tiers": ("curtain",)} | changes
    with pytest.raises(ValueError, match=named):
        RecordingStream(OcclusionConfig(**options), 2, 1, 0, 32)


def own_run(own, tiers='["curtain", "annotated"]'):
    settings = {**TINY, "data.dataset": "recordings", "data.source": str(own)}
    settings["data.tiers"] = tiers
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
        more = ["--start", "first", "--freeze", "spatial"]
        kept = ["--set", "train.kept_start=0.5"]
        assert main(["train", "permanence_stage1", "--out", "kept", *words, *more, *kept]) == 2
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


def test_a_folder_stands_for_a_run(own, with_others, tmp_path, monkeypatch):
    run = load_run(str(own))
    assert (run.data.source, run.classes) == (str(own), ("cup", "pen"))
    assert (run.train.start, run.train.freeze) == ("permanence", "spatial")
    assert "annotated" in run.data.tiers, "its labels say when one is hidden"
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(f'extends = "{own}"\n[train]\nsteps = 7\n')
    assert load_run("mine.toml").train.steps == 7
    assert load_run("mine.toml").data.source == str(own)
    table = json.loads((own / "dataset.json").read_text())
    for row in table["entries"]:
        row["hidden"] = []
    Path("bare").mkdir()
    Path("bare/dataset.json").write_text(json.dumps(table))
    assert "annotated" not in load_run("bare").data.tiers


def test_what_refuses_more_is_measured_and_saved(with_others, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = own_run(with_others, tiers='["curtain", "stranger"]')
    with short_validation():
        start = ["--start", "permanence", "--freeze", "spatial"]
        assert main(["train", "permanence_stage1", "--out", "mine", *words, *start]) == 2
        assert "permanence" in capsys.readouterr().err, "it is of another shape"
        assert main(["train", "permanence_stage1", "--out", "mine", *words]) == 0
    write_events("other.npz", swinging(45, seed=9))
    assert main(["refuse", "mine", "other.npz", "--json", "rows.json"]) == 0
    rows = json.loads(Path("rows.json").read_text())["rows"]
    assert rows[0]["raised_by"] == 0
    by_lost = sorted(rows[1:], key=lambda row: row["lost"])
    refused = [row["refused"] for row in by_lost]
    assert refused == sorted(refused)
    assert main(["refuse", "mine", "other.npz", "--lost", "0.5", "--save", "strict"]) == 0
    strict, lax = load("strict.safetensors"), load("mine")
    raised = Refusal.of(strict)
    assert raised.lost() == pytest.approx(0.5, abs=0.05)
    said = [
        sum(belief.presence == "stranger" for belief in model.predict("other.npz"))
        for model in (lax, strict)
    ]
    assert said[1] >= said[0]
    assert main(["refuse", "mine", "other.npz", "--lost", "0.5"]) == 2
    assert "--lost says what --save writes" in capsys.readouterr().err
    assert main(["refuse", "dysvit", "other.npz"]) == 2
    assert "tells no presence" in capsys.readouterr().err


def test_a_model_is_judged_on_recordings_that_it_did_not_learn_from(own, tmp_path, capsys):
    """By their labels; of what it has no name for the class is never right, and the place is."""
    words = ["permanence", "permanence", "--data", str(own), "--hidden", "10", "--memory", "leaky"]
    assert main([*words, "--events", "4", "--json", str(tmp_path / "rows.json")]) == 0
    results = json.loads((tmp_path / "rows.json").read_text())
    assert f"--data {own}" in results["command"]
    belief = [row for row in results["rows"] if row["judgement"] == "belief"]
    assert {row["tier"] for row in belief} == {"annotated"}
    assert {row["class_score"] for row in belief if row["memory"] == "leaky"} == {0.0}
    assert min(row["place_error_px"] for row in belief) < 20
    assert "annotated" in capsys.readouterr().out


def test_classes_are_those_of_the_model_by_name(own):
    named = task(own, named=("hand", "pen", "cup"))
    assert named.classes == ("hand", "pen", "cup")
    (scenes,) = named.batches("blackout", 20, 4)
    assert set(scenes.label[0]) == {1, 2}
    (scenes,) = task(own, named=("hand", "pen")).batches("blackout", 20, 4)
    assert set(scenes.label[0]) == {1, -1}


def test_recordings_are_seen_whole_by_a_model_of_their_shape(own):
    wide = SceneConfig(size=(88, 72), noise_hz=0.0)
    task = RecordingTask(str(own), "test", seen=8, batch=4, scene=wide, tiers=("curtain",))
    for tier in ("curtain", "gripper", "annotated", "leaves", "stranger", "empty"):
        (scenes, *_) = task.batches(tier, 5, 4)
        assert scenes.frames.shape[2:] == (2, 72, 88)
        assert scenes.frames.any() or tier == "empty"
    (scenes,) = task.batches("blackout", 5, 4)
    for b in range(4):
        _, y, x = scenes.frames[4, b].nonzero()
        middle = np.median(x + 0.5) / 88, np.median(y + 0.5) / 72
        assert np.abs(middle - scenes.position[4, b]).max() < 0.06
