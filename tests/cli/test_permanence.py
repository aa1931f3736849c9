import json
import shlex
import shutil

import pytest

from neurosvt.cli import main
from neurosvt.engine.library import engine_library
from neurosvt.training import checkpoint

FIELDS = {
    "model", "memory", "tau", "dataset", "tier", "hidden_frames", "frame_ms", "judgement", "score",
    "low", "high", "class_score", "place_error_px", "events", "seed", "state_noise", "state_bits",
    "parameters", "train_steps", "confidence", "calibration_error", "forgotten",
    "forgotten_of_wrong",
}  # fmt: skip
QUICK = ["--hidden", "3,5", "--events", "4"]


@pytest.fixture
def judged(family, tmp_path, monkeypatch, rows_of, capsys):
    """judged(*options): what a tiny family's permanence wrote, and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*options, name="tiny"):
        file = tmp_path / "rows.json"
        assert main(["permanence", str(family / name), *QUICK, "--json", str(file), *options]) == 0
        return rows_of(file), capsys.readouterr().out

    return run


def test_rows_have_exactly_the_fields_that_are_promised(judged):
    record, _ = judged()
    rows = [row for row in record["rows"] if row["judgement"] != "presence"]
    assert rows
    for row in rows:
        assert set(row) == FIELDS
        for share in ("score", "low", "high", "class_score"):
            assert 0 <= row[share] <= 1
        assert row["low"] <= row["score"] <= row["high"]
        assert row["place_error_px"] >= 0
        assert row["judgement"] in ("visible", "belief", "recovery")
        assert row["dataset"] == "scenes"
        assert (row["events"], row["seed"], row["frame_ms"]) == (4, 0, 10.0)
        assert (row["state_noise"], row["state_bits"]) == (0.0, 32)
        assert row["tau"] == (2.0 if row["memory"] == "lif" else None)


def test_tiers_of_presence_are_judged_on_presence_alone(judged):
    record, printed = judged("--tiers", "empty,leaves,stranger")
    assert {row["judgement"] for row in record["rows"]} == {"presence"}
    assert {row["memory"] for row in record["rows"]} == {"leaky", "lif", "none", "latch"}
    moments = {(row["tier"], row["moment"]) for row in record["rows"]}
    assert moments == {
        ("empty", "always"), ("leaves", "visible"), ("leaves", "last"), ("stranger", "visible"),
        ("stranger", "last"), ("stranger", "visible_unfamiliar"), ("stranger", "last_unfamiliar"),
    }  # fmt: skip
    for row in record["rows"]:
        assert "score" not in row
        assert 0 <= row["low"] <= row["presence_score"] <= row["high"] <= 1
    for word in ("presence: said rightly", "every frame", "never trained on", "5 hidden"):
        assert word in printed
    assert "belief" not in printed


def test_a_run_that_stands_alone_is_judged_alone(family, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(family / "tiny", "tiny")
    assert main(["permanence", "tiny", *QUICK]) == 0
    told = capsys.readouterr()
    assert "leaky" in told.out
    assert "latch" not in told.out
    assert "no weights for lif, none, latch: left out" in told.err


def test_the_command_that_is_noted_gives_the_rows_again(judged, tmp_path, rows_of):
    record, _ = judged("--tiers", "blackout", "--state-noise", "0.01", "--seed", "7")
    program, *words = shlex.split(record["command"])
    assert program == "neurosvt"
    again = tmp_path / "again.json"
    assert main([*words, "--json", str(again)]) == 0
    assert rows_of(again)["rows"] == record["rows"]


def test_the_table_shows_every_model_beside_the_best_constant(judged):
    _, printed = judged()
    assert printed.count("latch") == 2  # once a tier
    for word in ("belief", "blackout", "curtain", "leaky", "lif tau 2.0", "none", "constant"):
        assert word in printed
    for column in ("seen", "3 hidden", "5 hidden"):
        assert column in printed


def test_a_run_serves_for_its_own_memory(judged):
    rows = judged("--memory", "none,latch", name="tiny_none")[0]["rows"]
    assert {row["memory"] for row in rows} == {"none", "latch", "constant"}


def test_a_memory_of_few_bits_is_judged_as_such(judged, tmp_path, rows_of):
    options = ["--memory", "leaky", "--tiers", "blackout", "--state-noise", "0.3"]
    record, _ = judged(*options, "--state-bits", "8")
    assert {row["state_bits"] for row in record["rows"]} == {8}
    assert "--state-bits 8" in record["command"]
    whole = judged(*options)[0]["rows"]
    errors = [[r.get("place_error_px") for r in rows] for rows in (whole, record["rows"])]
    assert errors[0] != errors[1]


@pytest.mark.skipif(engine_library() is None, reason="the engine was not built")
def test_a_model_is_judged_with_the_weights_that_an_engine_holds_too(judged):
    options = ["--memory", "leaky,latch", "--tiers", "blackout", "--frame-ms", "5"]
    record, _ = judged(*options, "--weights", "int16,int8")
    rows = {row["memory"]: row for row in record["rows"] if row["judgement"] == "recovery"}
    assert set(rows) == {"leaky", "latch", "leaky, int16", "leaky, int8"}
    errors = {name: row["place_error_px"] for name, row in rows.items()}
    assert errors["leaky, int16"] != errors["leaky, int8"]
    assert errors["leaky, int8"] == pytest.approx(errors["leaky"], abs=4)
    assert rows["leaky, int8"]["parameters"] == rows["leaky"]["parameters"]
    assert "--weights int16,int8" in record["command"]


def test_frames_of_another_length_show_the_object_for_as_long(judged):
    record, _ = judged("--memory", "leaky", "--tiers", "blackout", "--frame-ms", "5")
    assert {row["frame_ms"] for row in record["rows"]} == {5.0}
    assert "--frame-ms 5" in record["command"]


def test_what_hides_an_object_can_be_shown_without_it(judged):
    record, _ = judged("--memory", "leaky,none", "--tiers", "curtain", "--blind")
    assert {r["memory"] for r in record["rows"]} == {"leaky, blind", "none, blind"}
    assert "--blind" in record["command"]


def test_a_line_through_the_visible_track_stands_on_the_memoryless_run(judged):
    rows = judged("--memory", "latch,velocity", "--tiers", "tunnel", name="tiny_none")[0]["rows"]
    assert {row["memory"] for row in rows} == {"latch", "velocity", "constant"}
    beliefs = {
        row["memory"]: row
        for row in rows
        if (row["judgement"], row["hidden_frames"]) == ("belief", 5)
    }
    assert beliefs["velocity"]["class_score"] == beliefs["latch"]["class_score"]
    assert beliefs["velocity"]["place_error_px"] != beliefs["latch"]["place_error_px"]


def test_a_dense_recurrent_network_is_trained_and_judged_as_any_other(
    quick, tiny_settings, tmp_path, monkeypatch, rows_of
):
    monkeypatch.chdir(tmp_path)
    words = [
        word
        for setting, word in zip(*[iter(tiny_settings(model_units=8))] * 2, strict=True)
        if not any(own in word for own in ("kernel_size", "heads=", "depth=", "memory.channels"))
        for word in (setting, word)
    ]
    assert main(["train", "permanence_gru", *words, "--out", "runs/tiny_gru"]) == 0
    options = [*QUICK, "--memory", "gru", "--tiers", "blackout,succession", "--json", "rows.json"]
    assert main(["permanence", "runs/tiny_gru", *options]) == 0
    rows = [r for r in rows_of(tmp_path / "rows.json")["rows"] if r["memory"] == "gru"]
    assert {row["model"] for row in rows} == {"recurrent"}
    assert {row["tier"] for row in rows} == {"blackout", "succession"}


def test_a_real_pendulum_is_followed_behind_a_shutter(
    quick, tiny_settings, tmp_path, monkeypatch, rows_of, data_root
):
    monkeypatch.setenv("NEUROSVT_DATA", str(data_root.resolve()))
    monkeypatch.chdir(tmp_path)
    assert main(["train", "pendulum", *tiny_settings(), "--out", "runs/tiny"]) == 0
    options = ["--memory", "leaky", "--hidden", "10", "--events", "9", "--json", "rows.json"]
    assert main(["permanence", "runs/tiny", *options]) == 0
    rows = rows_of(tmp_path / "rows.json")["rows"]
    assert {(r["dataset"], r["tier"]) for r in rows} == {("pendulum", "real")}
    assert {r["events"] for r in rows} == {9}


@pytest.mark.parametrize("name", ["tiny_lif", "tiny_none"])
def test_no_other_memory_passes_as_leaky(name, family, refused):
    assert "leaky" in refused("permanence", family / name, *QUICK, "--memory", "leaky")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--tiers", "courtain"], "tier 'courtain' is unknown; did you mean 'curtain'?"),
        (["--tiers", ","], "tiers must name some of blackout"),
        (["--memory", "laeky"], "baseline 'laeky' is unknown; did you mean 'leaky'?"),
        (["--memory", ""], "no baseline is named"),
        (["--hidden", "30,x"], "--hidden: '30,x'"),
        (["--hidden", "0"], "hidden must be numbers of frames above 0"),
        (["--events", "0"], "events must be at least 1"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--state-noise", "nan"], "state_noise must be a number"),
        (["--state-bits", "12"], "state_bits must be 8, 16 or 32"),
        (["--state-bits", "8"], "state_bits 8 is for leaky, charge_2 alone"),
        (["--weights", "int4"], "weights must be one of int16, int8, float32, got 'int4'"),
        (["--frame-ms", "0.5"], "frame_ms must lie in 1 to 100"),
        (["--suite", "quik"], "suite 'quik' is unknown; did you mean 'quick'?"),
        (["--json", "nowhere/rows.json"], "there is no folder nowhere"),
        (["--json", "."], "it is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_the_user_got_wrong_is_one_line_and_leaves_nothing(words, names, family, refused):
    assert names in refused("permanence", family / "tiny", *QUICK, *words)


def test_a_model_that_is_not_there_is_named(refused):
    assert "'nowhere'" in refused("permanence", "nowhere", "--json", "rows.json")


@pytest.mark.parametrize("size", [0, 9, 500, -100])
def test_a_cut_checkpoint_is_one_line(size, family, refused, tmp_path):
    best = (family / "tiny" / "best.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(best[:size])
    line = refused("permanence", "cut.safetensors", *QUICK, "--memory", "leaky")
    assert "cut.safetensors is cut or is no checkpoint" in line


def test_weights_of_another_shape_than_their_run_are_one_line(family, refused, tmp_path):
    tensors, metadata = checkpoint.read_tensors(family / "tiny" / "best.safetensors")
    metadata["run"]["model"]["width"] = 16
    checkpoint.write_tensors(tmp_path / "wide.safetensors", tensors, metadata)
    line = refused("permanence", "wide.safetensors", *QUICK, "--memory", "leaky")
    assert "the model wants" in line


def test_a_checkpoint_file_finds_the_siblings_of_its_run(judged, family, tmp_path):
    file = tmp_path / "by_file.json"
    best = str(family / "tiny" / "best.safetensors")
    assert main(["permanence", best, *QUICK, "--json", str(file)]) == 0
    rows, _ = judged()
    assert json.loads(file.read_text())["rows"] == rows["rows"]
