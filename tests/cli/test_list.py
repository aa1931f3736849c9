import pytest

from neurosvt.cli import main
from neurosvt.energy.costs import COST_TABLES, Costs, add_costs
from neurosvt.experiments.checkpoints import WEIGHTS
from neurosvt.experiments.registry import load_run, run_files
from neurosvt.scenes.tiers import TIERS


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("runs", list(run_files())),
        ("tiers", [*TIERS, "succession"]),
        ("memories", ["leaky", "latch", "gru"]),
        ("costs", COST_TABLES),
        ("datasets", {load_run(name).data.dataset for name in run_files()}),
        ("models", [path.stem for path in WEIGHTS.glob("*.safetensors")]),
    ],
)
def test_every_name_is_listed(what, names, capsys):
    assert main(["list", what]) == 0
    words = capsys.readouterr().out.split()
    assert not set(names) - set(words)


def test_what_was_added_at_run_time_is_listed(capsys):
    add_costs(Costs("my-chip", "int4", "its data sheet, 2031", mac=0.1, ac=0.02))
    try:
        assert main(["list", "costs"]) == 0
        assert "my-chip" in capsys.readouterr().out
    finally:
        del COST_TABLES["my-chip"]


def test_a_list_of_nothing_known_names_what_was_meant(refused):
    assert "what 'tires' is unknown; did you mean 'tiers'" in refused("list", "tires")
