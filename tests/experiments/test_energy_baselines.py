import pytest

from neurosvt.config import UserError
from neurosvt.experiments import energy_baselines
from neurosvt.experiments.checkpoints import load
from neurosvt.experiments.energy_baselines import (
    ENERGY_BASELINES,
    EnergyBaseline,
    EnergyPlan,
    energy_of,
    published_line,
)

SMALL = EnergyPlan(tier="blackout", hidden=3, noise_hz=0.0, samples=1, events=2)


@pytest.fixture(scope="module")
def shipped():
    return load("permanence")


@pytest.fixture(scope="module", autouse=True)
def fewer():
    """Two baselines of the four, which take half as long; tests/cli/test_energy.py has them all."""
    kept = {name: ENERGY_BASELINES[name] for name in ("vit-tiny-gated", "dense-twin")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(energy_baselines, "ENERGY_BASELINES", kept)
        yield kept


@pytest.fixture(scope="module")
def counted(shipped, fewer, soon_hidden):
    """The costs, and what was said on the way."""
    said = []
    return energy_of(shipped, SMALL, said.append), said


def test_a_run_stands_first_and_every_baseline_beside_it(shipped, fewer, counted):
    costs, said = counted
    assert [cost.model for cost in costs] == ["neurosvt", *fewer]
    assert costs[0].train_steps == shipped.steps
    assert 0 <= costs[0].accuracy <= 1
    assert [cost.accuracy for cost in costs[1:]] == [None] * 2  # none is shipped
    assert len(said) == 2
    assert "permanence_twin is not trained, or not to its end: counted untrained" in said
    assert {tuple(cost.about.items()) for cost in costs} == {
        (("tier", "blackout"), ("noise_hz", 0.0), ("hidden_frames", 3))
    }


def test_a_baseline_may_be_added_at_run_time_and_changes_no_count(shipped, counted, monkeypatch):
    """Untrained baselines have the same random weights every time."""
    mine = EnergyBaseline("twin", looks="frames")
    these = {"dense-twin": ENERGY_BASELINES["dense-twin"], "mine": mine}
    monkeypatch.setattr(energy_baselines, "ENERGY_BASELINES", these)
    before = {cost.model: cost.phases for cost in counted[0]}
    after = {cost.model: cost.phases for cost in energy_of(shipped, SMALL)}
    assert list(after) == ["neurosvt", "dense-twin", "mine"]
    assert after["dense-twin"] == before["dense-twin"]
    hidden = {name: phases["hidden"].total for name, phases in after.items()}
    assert hidden["mine"].macs < 0.1 * hidden["dense-twin"].macs  # nothing to look at


def test_the_original_formula_is_told_beside_ours(shipped, counted):
    line = published_line(shipped, counted[0][0])
    total = counted[0][0].phases["active"]
    assert f"we count {total.total.acs / total.frames:,.0f}" in line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tier": "curtian"}, "tier 'curtian' is unknown; did you mean 'curtain'"),
        ({"tier": "succession"}, "tier 'succession' hides several objects"),
        ({"tier": "tunnel", "hidden": 500}, "tier 'tunnel' does not hide anything for 500"),
    ],
)
def test_what_does_not_fit_the_run_is_told(settings, message, shipped):
    with pytest.raises(UserError, match=message):
        energy_of(shipped, EnergyPlan(**settings))


@pytest.mark.parametrize("name", ["samples", "events", "hidden"])
def test_a_plan_of_nothing_is_refused(name):
    with pytest.raises(UserError, match=f"{name} must be at least 1, got 0"):
        EnergyPlan(**{name: 0})
