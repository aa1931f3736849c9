import json

import numpy as np
import pytest
import torch

from neurosvt import __version__
from neurosvt.config import UserError
from neurosvt.results.rows import check_writable, hardware, write_json


def test_rows_come_back_as_they_went_in(tmp_path):
    file = tmp_path / "rows.json"
    rows = [{"tier": "blackout", "score": np.float32(0.5), "events": torch.tensor(7), "tau": None}]
    write_json(file, "neurosvt permanence", rows)
    record = json.loads(file.read_text())
    assert list(record) == ["command", "version", "hardware", "rows"]
    assert record["command"] == "neurosvt permanence"
    assert record["version"] == __version__
    assert record["rows"] == [{"tier": "blackout", "score": 0.5, "events": 7, "tau": None}]
    assert list(tmp_path.iterdir()) == [file]


def test_a_figure_that_does_not_exist_is_null(tmp_path):
    file = tmp_path / "rows.json"
    write_json(file, "c", [{"a": float("nan"), "b": np.float64("inf")}])
    assert json.loads(file.read_text())["rows"] == [{"a": None, "b": None}]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "rows.json"
    write_json(file, "old", [])
    with pytest.raises(TypeError):
        write_json(file, "new", [{"a": object()}])
    assert json.loads(file.read_text())["command"] == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path):
    with pytest.raises(UserError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        check_writable(tmp_path / "none" / "rows.json")
    check_writable(tmp_path / "rows.json")
    assert list(tmp_path.iterdir()) == []


def test_hardware_says_what_a_reader_needs_to_compare():
    machine = hardware()
    assert machine["cpu"]
    assert machine["cores"] >= 1
    assert machine["torch"] == torch.__version__
    json.dumps(machine)
