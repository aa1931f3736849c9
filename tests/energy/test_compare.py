import numpy as np
import pytest
import torch
from torch import nn

from neurosvt.energy.compare import compare_energy
from neurosvt.energy.costs import Costs
from neurosvt.energy.phases import count_pass, count_phases, deployed
from neurosvt.energy.tables import energy_verdict, layer_table, total_tables
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.memory import StepwiseMemory
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.sampling import SceneConfig
from neurosvt.scenes.scenes import make_scenes

PRICES = Costs("mine", "fp8", "by hand", mac=2.0, ac=1.0)


class Linear(nn.Module):
    """A foreign model: one product a frame, and nothing that it keeps."""

    def __init__(self, classes=3):
        super().__init__()
        self.read = nn.Linear(2 * 32 * 32, classes, bias=False)

    def forward(self, frames, state=None):
        return self.read(frames.float().flatten(2)), state


class Slim(Linear):
    """Runs on hardware with one output."""

    def deployed(self):
        return Linear(classes=1)


@pytest.fixture(scope="module")
def scenes():
    return make_scenes("blackout", [0], 2, seen=6, hidden=4, after=2, config=SceneConfig(size=32))


def test_a_foreign_model_is_counted_beside_others_without_a_method_of_ours(scenes):
    one, two = compare_energy(
        [Entrant("a", Linear(), train_steps=7), Entrant("b", Slim())],
        scenes,
        accuracies={"a": 0.5},
        about={"tier": "blackout"},
    )
    assert (one.model, one.accuracy, one.train_steps) == ("a", 0.5, 7)
    assert (two.model, two.accuracy, two.train_steps) == ("b", None, 0)
    done = {name: cost.phases["active"].total for name, cost in (("a", one), ("b", two))}
    assert done["a"].acs == 3 * done["b"].acs > 0  # b is counted as it is deployed


def test_counts_are_the_events_that_flowed(scenes):
    """By hand: every event of a frame reaches all three outputs."""
    counted = count_phases(Linear(), scenes)
    seen = int(scenes.occlusions[0].seen.min()) + 1
    events = int(np.count_nonzero(scenes.frames[:seen]))
    assert counted["active"].total.acs == 3 * events
    assert counted["active"].frames == 2 * seen
    assert counted["hidden"].frames == 2 * 4


def test_a_row_is_counts_times_prices_per_frame(scenes):
    (cost,) = compare_energy([Entrant("a", Linear())], scenes, about={"tier": "blackout"})
    for row in cost.rows([PRICES]):
        done = cost.phases[row["phase"]]
        assert row["acs"] == done.total.acs / done.frames
        assert row["joules_per_frame"] == pytest.approx(1e-12 * row["acs"])
        assert (row["table"], row["precision"], row["tier"]) == ("mine", "fp8", "blackout")


def test_one_pass_counts_every_image_as_a_frame():
    layer = nn.Conv2d(3, 4, 1, bias=False)
    counted = count_pass(layer, torch.rand(5, 3, 2, 2) + 2)
    assert counted.frames == 5
    assert counted.total.macs == 5 * 3 * 4 * 2 * 2


class OffGrid(StepwiseMemory):
    """A memory of one's own that cannot be put on the grid."""

    has_grid_form = False

    def update(self, state, said, step):
        return said


def test_deployed_forms_are_what_models_say(make):
    grid = deployed(make())
    assert grid is not make()
    weights = next(p for name, p in grid.named_parameters() if name.endswith("qkv.weight"))
    assert torch.equal(weights * 2**12, (weights * 2**12).round())
    free = make()
    ungridded = NeuroSVT(free.config, memory=OffGrid(free.config.grid, 16, 8))
    assert deployed(ungridded) is ungridded
    plain = Linear()
    assert deployed(plain) is plain


def test_tables_and_words_say_what_the_rows_hold(scenes):
    class Twice(Linear):
        def __init__(self):
            super().__init__(classes=6)

    entrants = [Entrant("neurosvt", Linear()), Entrant("dense-twin", Twice())]
    costs = compare_energy(entrants, scenes)
    rows = [row for cost in costs for row in cost.rows([PRICES])]
    titles = [str(table.title) for table in total_tables(rows)]
    assert [title.split(",")[0] for title in titles] == ["active frames", "hidden frames"]
    assert layer_table(costs[0]).row_count == 1
    assert "active frames, energy saved against dense-twin: 50.00% (mine fp8)" in energy_verdict(
        rows
    )
