import json
import shutil

import pytest

from neurosvt.cli import main
from neurosvt.permanence import suite
from neurosvt.permanence.score_table import Plan
from neurosvt.permanence.suite import Suite
from neurosvt.training import checkpoint

SHORT = Suite(
    (3, 5),
    4,
    ({"state_bits": 8}, {"frame_ms": 20.0, "hidden": (2,)}, {"blind": True, "hidden": (3,)}),
)


PHASES = ("active", "hidden")
STANDING = {"leaky", "lif", "none", "latch", "last_seen", "velocity"}
FURTHER = ("calibration", "regain", "effort")


@pytest.fixture
def run_suite(family, tmp_path, monkeypatch, capsys):
    """run_suite(*options): a short suite of the tiny family; its folder, and what was printed."""
    monkeypatch.setitem(suite.SUITES, "quick", SHORT)
    monkeypatch.setattr(suite, "REGAIN_HIDDEN", 4)
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
    blind = [r for r in rows if r["memory"] == "leaky, blind"]
    assert {r["tier"] for r in blind} == {"blackout", "curtain"}
    rows = [r for r in rows if r not in blind]
    usual = [r for r in rows if (r["state_bits"], r["frame_ms"]) == (32, 10.0)]
    assert {r["tier"] for r in usual} == {"blackout", "curtain"}
    assert {r["memory"] for r in usual} == {*STANDING, "constant"}
    assert {r["hidden_frames"] for r in usual} == {0, 3, 5}
    assert {r["state_noise"] for r in rows} == {0.01}
    varied = [r for r in rows if r not in usual]
    assert {(r["state_bits"], r["frame_ms"]) for r in varied} == {(8, 10.0), (32, 20.0)}
    assert {r["memory"] for r in varied} == {"leaky", "constant"}
    for picture in ("score", "place_error", "calibration"):
        assert (folder / f"{picture}.svg").read_text().startswith("<?xml")
    assert "12 cells" in told.out
    again = further["regain"]
    assert {r["tier"] for r in again} == {"blackout", "curtain"}
    assert {r["memory"] for r in again} == STANDING
    assert all(0 <= r["frames_mean"] <= 40 for r in again)
    assert "curtain" in told.out
    done = further["effort"]
    assert [(r["memory"], r["phase"]) for r in done] == [
        (memory, phase) for memory in ("leaky", "lif", "none", "latch") for phase in PHASES
    ]
    assert all(r["acs"] > 0 for r in done if r["phase"] == "active")
    assert {r["train_steps"] for r in done} == {4}
    assert "trained for" in told.out
    assert {r["memory"] for r in further["calibration"]} == {"leaky"}
    assert "no weights for charge_2" in told.err


def test_what_a_model_knew_while_it_saw_is_told_once(run_suite):
    folder, _ = run_suite()
    rows, _ = rows_in(folder)
    keys = [
        (r["tier"], r["memory"], r["hidden_frames"], r["judgement"], r["state_bits"], r["frame_ms"])
        for r in rows
    ]
    assert len(keys) == len(set(keys))


def test_a_suite_that_was_stopped_goes_on_and_ends_with_the_same_rows(run_suite, monkeypatch):
    whole, _ = run_suite()
    expected = json.loads((whole / "permanence.json").read_text())["rows"]
    for path in sorted((whole / "cells").glob("*tiny*"))[::2]:
        path.unlink()
    (whole / "permanence.json").unlink()
    judged = []
    evaluate_cell = Plan.evaluate_cell

    def spy(plan, tier, hidden, **options):
        judged.append((tier, hidden))
        return evaluate_cell(plan, tier, hidden, **options)

    monkeypatch.setattr(Plan, "evaluate_cell", spy)
    again, _ = run_suite()
    assert len(judged) == 6
    assert json.loads((again / "permanence.json").read_text())["rows"] == expected


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


def test_what_cannot_be_asked_is_named(family, tmp_path, refused):
    assert "'nowhere'" in refused("permanence", "nowhere", "--suite", "quick")
    tensors, metadata = checkpoint.read_tensors(family / "tiny" / "best.safetensors")
    del metadata["finished"]
    checkpoint.write_tensors(tmp_path / "begun.safetensors", tensors, metadata)
    line = refused("permanence", "begun.safetensors", "--suite", "quick")
    assert "begun.safetensors is not trained to its end" in line


def test_other_questions_are_not_answered_from_old_cells(run_suite):
    folder, _ = run_suite()
    before = len(list((folder / "cells").iterdir()))
    run_suite("--seed", "3")
    assert len(list((folder / "cells").iterdir())) == 2 * before


def test_a_file_where_the_folder_should_be_is_named(family, tmp_path, refused):
    (tmp_path / "bench").write_text("")
    words = ["permanence", family / "tiny", "--suite", "quick", "--out", tmp_path / "bench"]
    assert "is a file; --out names a folder" in refused(*words)
