"""Candidates take turns, and rows say what was measured."""

import pytest
import torch

from neurosvt.bench.timing import Candidate, alternate, on_threads


def candidate(name, run, **options):
    return Candidate(name, "waiting", "1x2", "fp32", run, **options)


def test_candidates_take_turns_after_one_to_warm_up():
    done = []
    both = [candidate(name, lambda n=name: done.append(n)) for name in "ab"]
    rows = alternate(both, rounds=2)
    assert "".join(done) == "ababab"
    assert [row["name"] for row in rows] == ["a", "b"]
    assert {row["rounds"] for row in rows} == {2}


def test_heavy_ones_take_every_third_turn():
    done = []
    rows = alternate([candidate("a", lambda: done.append(1), heavy=True)], rounds=7)
    assert len(done) == 1 + 3
    assert rows[0]["rounds"] == 3


def test_rows_hold_the_figures_of_the_schema():
    (row,) = alternate([candidate("a", lambda: None, elements=10)], rounds=5)
    assert row["low_ms"] <= row["median_ms"] <= row["high_ms"] <= row["p99_ms"]
    assert row["per_second"] == pytest.approx(10 / (row["median_ms"] / 1e3))
    assert row["threads"] == torch.get_num_threads()


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with on_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
