import json
import shutil

import pytest

from neurosvt.cli import main
from neurosvt.permanence import questions, suite
from neurosvt.permanence.suite import Suite
from neurosvt.training import checkpoint

SHORT = Suite((3, 5), 4, ({"state_bits": 8}, {"blind": True, "hidden": (3,)}))
STANDING = {"leaky", "lif", "none", "latch", "last_seen", "velocity"}
FURTHER = ("calibration", "reacquisition", "cost")


@pytest.fixture
def run_suite(family, tmp_path, monkeypatch, capsys):
    """run_suite(*options): a short suite of the tiny family; its folder, and what was printed."""
    monkeypatch.setattr(suite, "SUITES", {"quick": SHORT})
    monkeypatch.setattr(questions, "REACQUISITION_HIDDEN", 4)
    monkeypatch.chdir(tmp_path)

    def run(*options, name="tiny"):
        words = ["permanence", str(family / name), "--suite", "quick", "--out", "bench"]
        assert main([*words, *options]) == 0
        return tmp_path / "bench", capsys.readouterr()

    return run


def rows_in(folder):
    """What the suite wrote: scores, and by judgement what else it found."""
    rows = json.loads((folder / "permanence.json").read_text())["rows"]
    further = {what: [r for r in rows if r["judgement"] == what] for what in FURTHER}
    return [r for r in rows if r["judgement"] not in FURTHER], further


def test_a_suite_is_one_json_a_table_and_figures(run_suite):
    folder, told = run_suite()
    rows, further = rows_in(folder)
    assert {r["memory"] for r in rows} == {*STANDING, "constant", "leaky, blind"}
    assert {r["tier"] for r in rows if r["judgement"] == "belief"} == {"blackout", "curtain"}
    presence = [r for r in rows if r["judgement"] == "presence"]
    tiers = {"blackout", "curtain", "empty", "leaves", "stranger"}
    assert {(r["tier"], r["memory"]) for r in presence} == {(t, m) for t in tiers for m in STANDING}
    assert {r["state_noise"] for r in rows} == {0.01}
    assert {r["memory"] for r in further["reacquisition"]} == STANDING
    assert all(0 <= r["frames_mean"] <= 40 for r in further["reacquisition"])
    done = further["cost"]
    assert [(r["memory"], r["phase"]) for r in done] == [
        (memory, phase)
        for memory in ("leaky", "lif", "none", "latch")
        for phase in ("active", "hidden")
    ]
    assert {r["train_steps"] for r in done} == {4}
    assert {r["memory"] for r in further["calibration"]} == {"leaky"}
    for picture in ("score", "place_error", "calibration"):
        assert (folder / f"{picture}.svg").read_text().startswith("<?xml")
    for words in ("22 cells", "curtain", "trained for", "presence: said rightly"):
        assert words in told.out
    assert "no weights for charge_2" in told.err


@pytest.mark.slow
def test_a_suite_that_was_asked_before_judges_nothing_and_writes_the_same(run_suite, monkeypatch):
    folder, _ = run_suite()
    first = (folder / "permanence.json").read_bytes()

    def refuse(*_):
        raise AssertionError("judged once more")

    monkeypatch.setattr(questions, "entrant_outcomes", refuse)
    again, _ = run_suite()
    assert (again / "permanence.json").read_bytes() == first


def test_a_suite_decides_what_is_asked(family, refused):
    words = ["permanence", family / "tiny", "--suite", "quick"]
    assert "--hidden is for one score table; --suite asks everything" in refused(
        *words, "--hidden", "7"
    )
    assert "--state-bits is for one score table" in refused(*words, "--state-bits", "8")


def test_a_training_that_has_not_ended_is_left_out(run_suite, family, tmp_path):
    for name in ("tiny", "tiny_none"):
        shutil.copytree(family / name, tmp_path / name)
    best = tmp_path / "tiny_none" / "best.safetensors"
    tensors, metadata = checkpoint.read_tensors(best)
    del metadata["finished"], metadata["latch_threshold"]
    checkpoint.write_tensors(best, tensors, metadata)
    folder, told = run_suite(name=tmp_path / "tiny")
    rows, _ = rows_in(folder)
    assert {r["memory"] for r in rows} == {"leaky", "leaky, blind", "constant"}
    assert "none, latch, last_seen, velocity: left out" in told.err


def test_other_questions_are_not_answered_from_old_cells(run_suite):
    folder, _ = run_suite("--tiers", "blackout")
    before = len(list((folder / "cells").iterdir()))
    run_suite("--tiers", "blackout", "--seed", "3")
    assert len(list((folder / "cells").iterdir())) == 2 * before


def test_what_is_not_there_or_in_the_way_is_named(family, tmp_path, refused):
    assert "'nowhere'" in refused("permanence", "nowhere", "--suite", "quick")
    (tmp_path / "bench").write_text("")
    words = ["permanence", family / "tiny", "--suite", "quick", "--out", tmp_path / "bench"]
    assert "is a file; --out names a folder" in refused(*words)


def test_ray_spreads_a_suite_and_nothing_less(family, refused):
    assert "--ray spreads the cells of a suite: add --suite" in refused(
        "permanence", family / "tiny", "--ray"
    )


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_a_suite_over_workers_writes_the_same_rows(run_suite, two_workers):
    folder, _ = run_suite()
    here = json.loads((folder / "permanence.json").read_text())["rows"]
    shutil.rmtree(folder)
    folder, _ = run_suite("--ray")
    assert json.loads((folder / "permanence.json").read_text())["rows"] == here
