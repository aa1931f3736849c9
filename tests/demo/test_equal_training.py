import io
import json
import runpy
from pathlib import Path

from rich.console import Console

from neurosvt.demo.equal_training import equal_grid, equal_table, equal_title, read_equal_training
from neurosvt.experiments.zoo import BASELINES

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_table_is_that_of_the_committed_rows():
    maker = runpy.run_path(str(BENCHMARKS / "equal_training.py"))
    rows = json.loads((BENCHMARKS / "results" / "baselines.json").read_text())["rows"]
    assert maker["TARGET"].read_text() == maker["as_csv"](maker["equal_rows"](rows))


def test_all_were_trained_for_as_long_and_judged_on_as_much():
    scores = read_equal_training()
    for name in ("train_steps", "events", "hidden_frames"):
        assert len({getattr(one, name) for one in scores}) == 1
    assert {one.memory for one in scores} <= set(BASELINES)
    assert "1,200 steps each" in equal_title(scores)


def test_the_gru_that_is_ahead_stands_first():
    scores = read_equal_training()
    assert scores[0].memory == "gru"
    tiers, (first, second, *_) = equal_grid(scores)
    tunnel = 2 + tiers.index("tunnel")
    assert first[0] == "GRU"
    assert float(first[tunnel].split()[0]) > float(second[tunnel].split()[0])
    sums = {m: sum(one.score for one in scores if one.memory == m) for m in ("gru", "leaky")}
    assert sums["gru"] > sums["leaky"]


def test_a_terminal_shows_every_model_and_tier():
    text = io.StringIO()
    Console(width=110, file=text).print(equal_table(read_equal_training()))
    for word in ("GRU", "leaky memory", "latch", "blackout", "curtain", "tunnel", "65.7 % (64-69)"):
        assert word in text.getvalue()
