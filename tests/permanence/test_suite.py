import json

import pytest
import torch

from neurosvt.config import UserError
from neurosvt.permanence import SceneTask, StepModel, questions
from neurosvt.permanence.suite import (
    SUITES,
    Suite,
    draw_suite,
    fingerprint,
    run_suite,
    suite_parts,
)
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import SceneConfig
from tests.permanence.toys import Toy, ToyOfOptions

TIERS = ("blackout", "tunnel")
TASK = SceneTask("test", seen=4, scene=SceneConfig(size=32), tiers=TIERS)
SHORT = Suite(
    (3, 5),
    4,
    ({"state_bits": 8}, {"frame_ms": 20.0, "hidden": (2,)}, {"blind": True, "hidden": (3,)}),
)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(questions, "REACQUISITION_HIDDEN", 4)


def parts(**changes):
    entrants = [Entrant("ours", ToyOfOptions()), Entrant("b", Toy(1))]
    return suite_parts(SHORT, entrants, TASK, changes.get("tiers", TIERS))


def test_all_are_judged_alike_and_the_first_once_more_on_varied_plans(tmp_path):
    result = run_suite(parts(), tmp_path)
    assert {r["memory"] for r in result.first} == {"ours", "b", "constant"}
    assert {(r["state_noise"], r["state_bits"], r["frame_ms"]) for r in result.first} == {
        (0.01, 32, 10.0)
    }
    varied = [r for r in result.scores if r not in result.first]
    assert {(r["memory"], r["state_bits"], r["frame_ms"]) for r in varied} == {
        ("ours", 8, 10.0), ("constant", 8, 10.0), ("ours", 32, 20.0), ("constant", 32, 20.0),
        ("ours, blind", 32, 10.0),
    }  # fmt: skip
    assert {(r["tier"], r["memory"]) for r in result.reacquisition} == {
        ("blackout", "ours"), ("blackout", "b")
    }  # fmt: skip
    assert {r["memory"] for r in result.calibration} == {"ours"}
    assert result.cells == 12
    assert result.cost == [], "no curtain, no cost"
    judgements = {r["judgement"] for r in result.rows()}
    assert judgements == {
        "visible", "belief", "recovery", "presence", "calibration", "reacquisition"
    }  # fmt: skip


def test_everyone_is_asked_about_presence_where_nobody_names_tiers(tmp_path):
    result = run_suite(parts(tiers=None), tmp_path)
    assert {(r["tier"], r["memory"]) for r in result.first if r["judgement"] == "presence"} == {
        (tier, memory)
        for tier in (*TIERS, "empty", "leaves", "stranger")
        for memory in ("ours", "b")
    }
    assert {r["tier"] for r in result.first if r["judgement"] == "belief"} == set(TIERS)
    assert {r["tier"] for r in result.calibration} == set(TIERS)


def test_what_a_model_knew_while_it_saw_is_told_once(tmp_path):
    varied = ("state_bits", "frame_ms")
    keys = [
        tuple(map(r.get, ("tier", "memory", "hidden_frames", "judgement", "moment", *varied)))
        for r in run_suite(parts(), tmp_path).scores
    ]
    assert len(keys) == len(set(keys))


def test_operations_are_counted_where_there_is_a_curtain(tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "COST_CELL", ("blackout", 3))
    cost = run_suite(parts(), tmp_path).cost
    assert [(r["memory"], r["phase"]) for r in cost] == [
        ("ours", "active"), ("ours", "hidden"), ("b", "active"), ("b", "hidden")
    ]  # fmt: skip
    assert all(r["macs"] > 0 for r in cost)


def test_a_suite_that_was_stopped_goes_on_and_ends_with_the_same_rows(tmp_path, monkeypatch):
    whole = run_suite(parts(), tmp_path).rows()
    for path in sorted(tmp_path.glob("scenes_*"))[::2]:
        path.unlink()
    judged = []
    outcomes = questions.entrant_outcomes

    def spy(entrants, plan, tier, hidden):
        judged.append((tier, hidden))
        return outcomes(entrants, plan, tier, hidden)

    monkeypatch.setattr(questions, "entrant_outcomes", spy)
    assert run_suite(parts(), tmp_path).rows() == json.loads(json.dumps(whole))
    assert len(judged) == 6


def test_cells_of_other_weights_settings_or_plans_are_told_apart():
    def mark(model, name="a", **plan):
        changed = Suite((3,), plan.pop("events", 4))
        task = SceneTask("test", **({"tiers": ("blackout",)} | plan))
        return fingerprint(suite_parts(changed, [Entrant(name, model)], task)[0])

    first = mark(Toy())
    assert mark(Toy()) == first
    other = Toy()
    with torch.no_grad():
        other.read.bias[0] += 1e-7
    marks = [
        first, mark(other), mark(Toy(), "b"), mark(Toy(), seed=3), mark(Toy(), events=5),
        mark(ToyOfOptions()), mark(StepModel(lambda frame, state: None, 8)),
    ]  # fmt: skip
    assert len(set(marks)) == len(marks)


def test_figures_are_drawn_of_the_first_part(tmp_path):
    draw_suite(run_suite(parts(), tmp_path / "cells"), tmp_path)
    for picture in ("score", "place_error", "calibration"):
        assert (tmp_path / f"{picture}.svg").read_text().startswith("<?xml")


def test_where_presence_alone_is_asked_nothing_is_drawn(tmp_path):
    result = run_suite(parts(tiers=("empty", "stranger")), tmp_path / "cells")
    assert {r["judgement"] for r in result.rows()} == {"presence"}
    draw_suite(result, tmp_path)
    assert not list(tmp_path.glob("*.svg"))


def test_progress_is_told_after_every_cell_and_of_what_else_is_asked(tmp_path):
    told = []
    run_suite(parts(), tmp_path, on_cell=lambda done, of: told.append((done, of)))
    assert told == [(n, 13) for n in range(1, 14)]


def test_a_varied_plan_that_the_first_entrant_does_not_take_is_refused_at_once():
    with pytest.raises(UserError, match="state_bits: Toy takes none"):
        suite_parts(SHORT, [Toy()], TASK)


def test_a_suite_of_ones_own_is_added_at_run_time_and_a_wrong_name_gets_a_hint(monkeypatch):
    with pytest.raises(UserError, match="suite 'quik' is unknown; did you mean 'quick'"):
        SUITES["quik"]
    SUITES["mine"] = SHORT
    assert SUITES["mine"] is SHORT
    del SUITES["mine"]
