import json

import pytest

from neurosvt.bench import formats, neurons, training
from neurosvt.bench.timing import Candidate
from neurosvt.cli import main


@pytest.fixture
def quick_candidates(monkeypatch):
    def some(**options):
        return [
            Candidate(name, "lif forward", "1x2", "fp32", lambda: None, 2)
            for name in ("copy", "native", "reference")
        ]

    monkeypatch.setattr(neurons, "neuron_candidates", some)
    monkeypatch.setattr(training, "training_candidates", some)
    monkeypatch.setattr(formats, "reading_candidates", some)


@pytest.mark.parametrize("what", ["neurons", "train", "formats"])
def test_rows_for_every_candidate_and_number_of_threads(
    what, quick_candidates, tmp_path, capsys, rows_of
):
    file = tmp_path / "rows.json"
    assert main(["bench", what, "--threads", "1,2", "--rounds", "3", "--json", str(file)]) == 0
    record = rows_of(file)
    assert record["command"] == f"neurosvt bench {what} --threads 1,2 --rounds 3"
    assert [(r["name"], r["threads"]) for r in record["rows"]] == [
        (name, threads) for threads in (1, 2) for name in ("copy", "native", "reference")
    ]
    assert "native" in capsys.readouterr().out
    assert json.loads(file.read_text())["hardware"]["cores"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["neurons", "--threads", "0"], "--threads wants numbers above 0"),
        (["neurons", "--threads", "x"], "--threads: 'x' is not whole numbers"),
        (["train", "--rounds", "0"], "--rounds at least 1"),
        (["neurones"], "what 'neurones' is unknown; did you mean 'neurons'"),
        (["neurons", "--json", "nowhere/rows.json"], "there is no folder nowhere"),
    ],
    ids=str,
)
def test_what_the_user_got_wrong_is_one_line(words, names, refused):
    assert names in refused("bench", *words)
