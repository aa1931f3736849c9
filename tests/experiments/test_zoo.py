import shutil

import pytest

from neurosvt.config import UserError
from neurosvt.experiments.zoo import (
    BASELINES,
    Baseline,
    available_baselines,
    check_bits,
    default_baselines,
    line_up,
)
from neurosvt.permanence.baselines.latch import Latch
from neurosvt.permanence.baselines.track_fit import TrackFit

SHIPPED = ("leaky", "lif", "none", "latch")
WEIGHTS_OF = {"leaky": "", "lif": "_lif", "none": "_none"}


@pytest.fixture(scope="module")
def shipped_files():
    from neurosvt.experiments.checkpoints import WEIGHTS

    return {word: WEIGHTS / f"permanence{kind}.safetensors" for word, kind in WEIGHTS_OF.items()}


def test_a_line_up_is_in_the_order_that_was_asked_for_and_knows_its_training():
    lineup = line_up("permanence", ["latch", "leaky", "velocity"])
    assert [entrant.name for entrant in lineup.entrants] == ["latch", "leaky", "velocity"]
    latch, leaky, velocity = lineup.entrants
    assert isinstance(latch.model, Latch)
    assert isinstance(velocity.model, TrackFit)
    assert (latch.train_steps, leaky.train_steps) == (1200, 13200)
    assert latch.parameters == velocity.parameters == latch.model.model.parameter_count()
    assert {entrant.kind for entrant in lineup.entrants} == {"neurosvt"}
    assert lineup.run.task("test").name == "scenes"


def test_a_lif_memory_has_a_time_constant_and_the_others_have_none():
    lineup = line_up("permanence", SHIPPED)
    assert [entrant.tau for entrant in lineup.entrants] == [None, 2.0, None, None]


def test_the_default_baselines_are_those_that_are_shipped():
    said = []
    assert default_baselines("permanence", said.append) == SHIPPED
    assert said == []


def test_weights_that_are_not_there_are_left_out_and_told(shipped_files, tmp_path):
    shutil.copy(shipped_files["leaky"], tmp_path / "alone.safetensors")
    name, said = str(tmp_path / "alone.safetensors"), []
    assert default_baselines(name, said.append) == ("leaky",)
    assert said == ["no weights for lif, none, latch: left out"]
    assert available_baselines(name, BASELINES) == ("leaky",)
    with pytest.raises(FileNotFoundError, match="alone_lif"):
        line_up(name, ["leaky", "lif"])


def test_a_sibling_with_another_memory_than_its_name_says_is_refused(shipped_files, tmp_path):
    for name in ("wrong", "wrong_lif"):
        shutil.copy(shipped_files["leaky"], tmp_path / f"{name}.safetensors")
    with pytest.raises(UserError, match=r"wrong_lif\.safetensors has memory 'leaky', not 'lif'"):
        line_up(str(tmp_path / "wrong.safetensors"), ["leaky", "lif"])


@pytest.mark.parametrize(
    ("name", "baselines", "told"),
    [
        ("permanence", ["laeky"], "baseline 'laeky' is unknown; did you mean 'leaky'"),
        ("permanence", [], "no baseline is named; choose from leaky"),
        ("dysvit", ["leaky"], "dysvit was trained to name what is seen"),
    ],
)
def test_a_line_up_that_cannot_be_is_one_line(name, baselines, told):
    with pytest.raises(UserError, match=told):
        line_up(name, baselines)


def test_a_baseline_of_ones_own_stands_beside_the_others():
    BASELINES["frozen"] = Baseline("frozen track", "none", lambda t: TrackFit(t.latch(), 0, 1))
    try:
        (entrant,) = line_up("permanence", ["frozen"]).entrants
    finally:
        del BASELINES["frozen"]
    assert isinstance(entrant.model, TrackFit)
    with pytest.raises(UserError, match="there is a baseline 'latch' already"):
        BASELINES["latch"] = Baseline("another", "none")


def test_every_baseline_says_what_it_is_and_no_two_alike():
    assert all(baseline.about and baseline.label for baseline in BASELINES.values())
    assert len({baseline.label for baseline in BASELINES.values()}) == len(BASELINES)
    assert len({baseline.about for baseline in BASELINES.values()}) == len(BASELINES)


def test_few_bits_are_for_states_of_charge():
    def entrants(*names):
        return line_up("permanence", names).entrants

    check_bits(entrants("leaky"), 8)
    check_bits(entrants("leaky", "lif"), 32)
    with pytest.raises(UserError, match="state_bits 8 is for leaky, charge_2 alone"):
        check_bits(entrants("leaky", "lif"), 8)
