import csv
import datetime
import json

import numpy as np
import pytest
import torch

from neurosvt import __version__
from neurosvt.config import UserError
from neurosvt.results.hardware import hardware
from neurosvt.results.rows import load_or_compute, read_results, write_csv, write_results

ROWS = [
    {"tier": "blackout", "score": 0.5, "events": 7, "tau": None},
    {"tier": "curtain", "score": 0.1 + 0.2, "events": 7, "tau": 2.0},
]


def test_rows_come_back_as_they_went_in(tmp_path):
    file = tmp_path / "rows.json"
    write_results(file, "neurosvt permanence", ROWS)
    found = read_results(file)
    assert list(found.head) == ["command", "version", "commit", "date", "hardware"]
    assert found.head["command"] == "neurosvt permanence"
    assert found.head["version"] == __version__
    assert datetime.date.fromisoformat(found.head["date"])
    assert found.rows == ROWS
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_json_with_a_row_a_line(tmp_path):
    file = tmp_path / "rows.json"
    write_results(file, "c", ROWS)
    document = json.loads(file.read_text())
    assert document == {**read_results(file).head, "rows": ROWS}
    lines = file.read_text().splitlines()
    start = lines.index('"rows": [')
    assert [json.loads(line.rstrip(",")) for line in lines[start + 1 : -1]] == ROWS
    assert start == 6


@pytest.mark.parametrize("rows", [[], ROWS[:1]], ids=len)
def test_few_rows_are_a_file_as_well(tmp_path, rows):
    write_results(tmp_path / "rows.json", "c", rows)
    assert read_results(tmp_path / "rows.json").rows == rows


def test_scalars_of_numpy_and_torch_are_numbers(tmp_path):
    file = tmp_path / "rows.json"
    write_results(file, "c", [{"score": np.float32(0.5), "events": torch.tensor(7)}])
    assert read_results(file).rows == [{"score": 0.5, "events": 7}]


def test_a_figure_that_does_not_exist_is_null(tmp_path):
    file = tmp_path / "rows.json"
    write_results(file, "c", [{"a": float("nan"), "b": np.float64("inf")}])
    assert read_results(file).rows == [{"a": None, "b": None}]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "rows.json"
    write_results(file, "old", [])
    with pytest.raises(TypeError):
        write_results(file, "new", [{"a": object()}])
    assert read_results(file).head["command"] == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("text", ["", "[1]", "3", '{"command": "c"}', "tier,score\n"])
def test_what_is_no_file_of_results_is_refused_in_a_line(tmp_path, text):
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(UserError, match="is no file of results"):
        read_results(tmp_path / "rows.json")
    with pytest.raises(UserError, match="there are no results at"):
        read_results(tmp_path / "none.json")


def test_what_was_computed_is_computed_once(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return [{"score": np.float32(0.25), "none": float("nan")}]

    first = load_or_compute(tmp_path / "kept.json", compute)
    assert first == load_or_compute(tmp_path / "kept.json", compute)
    assert first == [{"score": 0.25, "none": None}]
    assert len(calls) == 1


def test_hardware_says_what_a_reader_needs_to_compare():
    machine = hardware()
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert machine["torch"] == torch.__version__
    json.dumps(machine)


def test_rows_as_a_table_of_text_have_a_column_for_every_figure(tmp_path):
    write_csv(
        tmp_path / "rows.csv", [{"a": 1, "b": float("nan")}, {"a": "x, y", "c": np.float32(2)}]
    )
    with open(tmp_path / "rows.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows == [{"a": "1", "b": "", "c": ""}, {"a": "x, y", "b": "", "c": "2.0"}]
