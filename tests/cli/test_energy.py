import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest

from neurosvt.cli import main

ASKED = ["energy", "--samples", "1", "--events", "2", "--hidden", "3"]
MODELS = ["neurosvt", "vit-tiny", "vit-tiny-gated", "dense-twin", "dense-twin-active"]


@pytest.fixture(scope="module")
def told(tmp_path_factory, soon_hidden):
    """What it writes of the shipped model, and what it says: on the screen, and beside it."""
    folder = tmp_path_factory.mktemp("energy")
    args = [*ASKED, "--tier", "blackout", "--noise-hz", "0", "--json", str(folder / "rows.json")]
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        assert main([*args, "--layers", "--figure", str(folder / "bars.svg")]) == 0
    (folder / "out.txt").write_text(out.getvalue())
    (folder / "err.txt").write_text(err.getvalue())
    return folder, json.loads((folder / "rows.json").read_text())


def test_rows_hold_what_was_counted(told):
    folder, record = told
    rows = record["rows"]
    assert list(dict.fromkeys(row["model"] for row in rows)) == MODELS
    assert {row["phase"] for row in rows} == {"active", "hidden"}
    assert {row["precision"] for row in rows} == {"fp32", "fp16", "int8"}
    assert "--noise-hz 0" in record["command"]
    assert (folder / "bars.svg").read_text().startswith("<?xml")
    for row in rows:
        assert row["joules_per_frame"] > 0 or row["model"] == "vit-tiny-gated"
        assert row["frames"] > 0


def test_dark_frames_cost_the_spiking_model_its_answer_alone(told):
    _, record = told
    at = {(r["model"], r["phase"], r["table"], r["precision"]): r for r in record["rows"]}
    ours = at["neurosvt", "hidden", "horowitz-45nm", "fp32"]
    assert ours["acs"] == ours["spikes"] == 0
    assert ours["updates"] == 128 + 8  # the memory's channels leak, its tracks grow older
    seen = at["neurosvt", "active", "horowitz-45nm", "fp32"]
    dense = at["vit-tiny", "active", "horowitz-45nm", "fp32"]
    assert 0 < seen["acs"] < 0.6 * dense["macs"]
    assert seen["joules_per_frame"] < 0.01 * dense["joules_per_frame"]
    assert at["vit-tiny-gated", "hidden", "horowitz-45nm", "fp32"]["macs"] == 0


def test_what_was_not_trained_says_so(told):
    folder, _ = told
    said = (folder / "err.txt").read_text()
    assert "permanence_vit_tiny is not trained, or not to its end: counted untrained" in said


def test_tables_layers_and_words_are_shown(told):
    folder, _ = told
    said = (folder / "out.txt").read_text()
    for words in ("embed.project", "energy saved against vit-tiny", "by the original's formula"):
        assert words in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--costs", "abacus"], "cost table 'abacus' is unknown"),
        (["--tier", "succession"], "tier 'succession' hides several objects"),
        (["--tier", "curtian"], "tier 'curtian' is unknown; did you mean 'curtain'"),
        (["--tier", "tunnel", "--hidden", "500"], "'tunnel' does not hide anything for 500 frames"),
        (["--samples", "0"], "samples must be at least 1, got 0"),
        (["--figure", "/nowhere/bars.svg"], "there is no folder /nowhere"),
        (["--figure", "bars.txt"], "--figure is drawn as .svg or .png, got bars.txt"),
        (["nobody"], "no run folder, checkpoint or shipped model 'nobody'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(options, message, refused):
    assert message in refused("energy", *options)
