import re
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from neurosvt.cli import main
from neurosvt.demo import show
from neurosvt.events.recording import EVENT
from neurosvt.experiments import checkpoints
from neurosvt.experiments.checkpoints import WEIGHTS, load
from neurosvt.experiments.registry import load_run
from neurosvt.formats import npz

SHIPPED = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))
NAMES = ("leaky", "lif tau 2.0", "none", "latch")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Episodes that are shorter, and no different."""

    monkeypatch.setattr(show, "SHOWN_HIDDEN", 8)
    monkeypatch.setattr(show, "SHOWN_TIERS", ("blackout", "curtain"))
    monkeypatch.setattr(show, "WORK_SEQUENCES", 2)


@pytest.fixture
def shipped(family, tmp_path_factory, monkeypatch):
    """Tiny models in the place of those that the package ships."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in ("", "_lif", "_none"):
        best = family / f"tiny{kind}" / "best.safetensors"
        shutil.copy(best, folder / f"permanence{kind}.safetensors")
    monkeypatch.setattr(checkpoints, "WEIGHTS", folder)
    return folder


def recorded(path, *, steps_us=80_000, side=32, events=400, **more):
    """A recording of a few blobs of events."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, steps_us, events))
    x, y = rng.integers(0, side, (2, events))
    columns = {"t": t, "x": x, "y": y, "p": rng.integers(0, 2, events)}
    np.savez(path, **columns | {"width": side, "height": side} | more)
    return path


def assert_is_a_page(path):
    page = path.read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    return page


def test_the_demo_prints_the_table_and_writes_page_and_rows(
    shipped, tmp_path, monkeypatch, capsys, rows_of
):
    monkeypatch.chdir(tmp_path)
    words = ["--events", "2", "--hidden", "4,6", "--seed", "5", "--out", "out"]
    assert main(["demo", *words, "--json", "rows.json"]) == 0

    printed = capsys.readouterr().out
    assert all(name in printed for name in (*NAMES, "constant"))
    for phase, tier, name in product(("active", "hidden"), ("blackout", "curtain"), NAMES):
        fact = rf"per {phase} frame, {tier}, {name}: [\d,]+ spikes,\s+[\d,]+\s+synaptic"
        assert re.search(fact, printed)
    assert "learnt time constants" in printed
    flat = " ".join(printed.split())
    assert "latch: the network without memory, holding its last answer" in flat
    assert "At equal training, 1,200 steps each" in flat
    assert re.search(r"GRU .*65\.7 %", printed), "which is ahead in the tunnel"

    page = assert_is_a_page(tmp_path / "out" / "report.html")
    assert "blackout" in page
    assert "curtain" in page
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "rows.json"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["report.html"]

    record = rows_of(tmp_path / "rows.json")
    for option in ("--events 2", "--hidden 4,6", "--seed 5"):  # what makes these rows again
        assert option in record["command"]
    scored = [row for row in record["rows"] if "score" in row]
    work = [row for row in record["rows"] if "phase" in row]
    presence = [row for row in record["rows"] if "presence_score" in row]
    assert len(scored) + len(presence) + len(work) == len(record["rows"])
    assert {row["memory"] for row in scored} == {"leaky", "lif", "none", "latch", "constant"}
    assert {row["phase"] for row in work} == {"active", "hidden"}
    for row in work:  # with lif, the memory token works as well
        assert row["working_tokens_per_frame"] <= row["touched_tokens_per_frame"] + 1
        assert min(row["spikes_per_frame"], row["synops_per_frame"]) >= 0


def test_the_demo_watches_a_recording(family, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path / "cup.npz")
    name = str(family / "tiny")
    assert main(["demo", "--input", "cup.npz", "--model", name, "--out", "out"]) == 0
    printed = capsys.readouterr().out
    for model in NAMES:
        words = r"(\w+ at \(\d+, \d+\)|nothing|gone across the edge|none of its classes)"
        assert re.search(rf"{model}: after 8 dark frames {words}\n", printed)
    assert "cup" in assert_is_a_page(tmp_path / "out" / "report.html")


@pytest.mark.parametrize(
    "more",
    [{"side": 346}, {"label": 3}, {"label": 9}, {"steps_us": 1}, {"steps_us": 10**13}],
    ids=["another camera", "label", "label of other classes", "one frame", "long gaps"],
)
def test_the_demo_takes_other_recordings(more, family, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path / "cup.npz", **more)
    name = str(family / "tiny")
    assert main(["demo", "--input", "cup.npz", "--model", name, "--out", "out"]) == 0
    assert_is_a_page(tmp_path / "out" / "report.html")


def test_the_demo_shows_as_many_frames_as_asked_for(family, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path / "cup.npz")
    words = ["--model", str(family / "tiny"), "--frames", "3"]
    assert main(["demo", "--input", "cup.npz", *words]) == 0
    assert "its first 3 frames are shown; --frames shows more" in capsys.readouterr().err
    page = assert_is_a_page(tmp_path / "runs" / "demo" / "cup" / "report.html")
    assert '"shape":[11,2,32,32]' in page  # and 8 dark ones


def test_what_models_believe_of_a_recording_is_rows_too(family, tmp_path, monkeypatch, rows_of):
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path / "cup.npz")
    words = ["--model", str(family / "tiny"), "--frames", "3", "--out", "out"]
    assert main(["demo", "--input", "cup.npz", *words, "--json", "rows.json"]) == 0
    record = rows_of(tmp_path / "rows.json")
    assert record["command"] == f"neurosvt demo --input cup.npz {' '.join(words)}"
    assert len(record["rows"]) == len(NAMES) * (3 + 8)
    for memory in NAMES:
        rows = [row for row in record["rows"] if row["memory"] == memory]
        assert [row["frame"] for row in rows] == list(range(11))
        assert [row["dark"] for row in rows] == 3 * [False] + 8 * [True]
        assert all(0 <= row["probability"] <= 1 and 0 <= row["x"] <= 1 for row in rows)


def test_of_a_long_recording_no_more_is_read_than_is_shown(family, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = []
    source = npz.Whole(many_events(), (32, 32))
    whole = source.chunks

    def watched():
        for events in whole():
            given.append(len(events))
            yield events

    source.chunks = watched
    monkeypatch.setattr(npz, "open_source", lambda stream, options: source)
    recorded(tmp_path / "cup.npz")
    words = ["--model", str(family / "tiny"), "--frames", "3", "--out", "out"]
    assert main(["demo", "--input", "cup.npz", *words]) == 0
    assert len(given) == 1


def many_events():
    """Enough for several chunks."""
    events = np.zeros(400_000, EVENT)
    events["t"] = np.arange(400_000) * 10
    return events


def test_a_missing_recording_is_told_before_a_model_is_loaded(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(show, "line_up", None)
    assert "cup.npz: no such file" in refused("demo", "--input", "cup.npz")


@pytest.mark.parametrize("kept", [0, 10, 300])
def test_a_broken_recording_is_one_line_and_leaves_nothing(kept, family, tmp_path, refused):
    file = recorded(tmp_path / "cup.npz")
    file.write_bytes(file.read_bytes()[:kept])
    line = refused("demo", "--input", file, "--model", family / "tiny", "--out", "out")
    assert ("cup.npz: not a readable npz file" if kept else "cup.npz is empty") in line


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"p": np.full(400, 3)}, "p must lie in"),
        ({"x": np.full(400, 40)}, "400 events lie off the sensor"),
        ({"t": np.zeros(7, int)}, "one length"),
    ],
    ids=["polarity", "sensor", "length"],
)
def test_a_recording_that_makes_no_sense_is_one_line(more, names, family, tmp_path, refused):
    file = recorded(tmp_path / "cup.npz", **more)
    assert names in refused("demo", "--input", file, "--model", family / "tiny", "--out", "out")


def test_what_is_missing_is_one_line(family, tmp_path, refused):
    assert "cup.npz" in refused("demo", "--input", "cup.npz", "--model", family / "tiny")
    recorded(tmp_path / "cup.npz")
    assert "nowhere" in refused("demo", "--input", "cup.npz", "--model", "nowhere")


@pytest.mark.parametrize("frames", ["0", "-1"])
def test_frames_to_show_are_at_least_one(frames, family, tmp_path, refused):
    recorded(tmp_path / "cup.npz")
    words = ["--model", family / "tiny", "--frames", frames]
    assert "frames must be at least 1" in refused("demo", "--input", "cup.npz", *words)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--hidden", "x"], "--hidden"),
        (["--events", "0"], "events must be at least 1"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--json", "nowhere/rows.json"], "no folder nowhere"),
    ],
)
def test_numbers_that_cannot_be_are_one_line(words, names, shipped, refused):
    assert names in refused("demo", *words, "--out", "out")


def test_a_file_where_the_page_folder_should_be_is_one_line(shipped, tmp_path, refused):
    (tmp_path / "out").write_text("mine")
    assert "--out" in refused("demo", "--events", "2", "--hidden", "4", "--out", "out")


@pytest.mark.skipif("permanence" not in SHIPPED, reason="no permanence model is shipped yet")
def test_the_shipped_models_show_the_main_job(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(show, "SHOWN_TIERS", ("blackout",))  # all of them: tiny models, above
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--events", "2", "--hidden", "10", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    kinds = {"": ["leaky"], "_lif": ["lif tau 2.0"], "_none": ["none", "latch"]}
    for kind, names in kinds.items():
        if f"permanence{kind}" in SHIPPED:
            assert all(name in printed for name in names)
    assert "10 hidden" in printed
    assert_is_a_page(tmp_path / "out" / "report.html")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_small_and_its_own(name):
    file = WEIGHTS / f"{name}.safetensors"
    assert file.stat().st_size < 10_000_000
    trained, named = load(name).run, load_run(name)
    # Trained in what its processor had; the named run takes what yours has.
    assert replace(trained, train=replace(trained.train, amp=named.train.amp)) == named
