"""A shipped model's card has the figures of the committed results."""

import runpy
import sys
from pathlib import Path

import pytest

from neurosvt import NeuroSVT, load

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return runpy.run_path(str(BENCHMARKS / "shipped_results.py"))


def test_what_ships_is_what_was_measured(script):
    assert script["as_json"](script["shipped_results"]()) == script["TARGET"].read_text()


def test_a_figure_that_was_not_measured_would_be_found(script):
    found = script["shipped_results"]()
    found["dysvit"][0]["accuracy"] += 0.001
    assert script["as_json"](found) != script["TARGET"].read_text()


@pytest.mark.parametrize(
    ("name", "figures"),
    [("dysvit_protocol", ["0.7971", "0.7891"]), ("permanence", ["curtain", "0.966", "0.959"])],
)
def test_the_card_of_a_shipped_model_shows_them(name, figures, tmp_path):
    checkpoint = load(name)
    checkpoint.model.save_pretrained(tmp_path / name, metadata=checkpoint.metadata)
    card = (tmp_path / name / "README.md").read_text()
    assert all(figure in card for figure in figures)


def test_a_model_that_was_changed_does_not_boast(tmp_path):
    load("permanence").model.save_pretrained(tmp_path / "mine")
    assert "0.966" not in (tmp_path / "mine" / "README.md").read_text()
    assert NeuroSVT.from_pretrained(tmp_path / "mine").class_names[0] == "disc"
