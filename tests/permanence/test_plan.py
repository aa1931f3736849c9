from dataclasses import FrozenInstanceError, replace

import pytest

from neurosvt.config import UserError
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.tasks import NMNISTTask, SceneTask
from neurosvt.scenes.scenes import SceneConfig

TASK = SceneTask("test", seed=5, seen=4, scene=SceneConfig(size=32), tiers=("blackout", "tunnel"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"state_bits": 12}, "state_bits must be 8, 16 or 32, got 12"),
        ({"events": 0}, "events must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"task": SceneTask("test", seed=-2)}, "seed must be at least 0, got -2"),
        ({"state_noise": -0.5}, "state_noise must be a number from 0, got -0.5"),
        ({"state_noise": float("nan")}, "state_noise must be a number from 0, got nan"),
        ({"frame_ms": 0.5}, "frame_ms must lie in 1 to 100, got 0.5"),
        ({"hidden": ()}, r"hidden must be numbers of frames above 0, got \(\)"),
        ({"hidden": (30, 0)}, "hidden must be numbers of frames above 0"),
        ({"tiers": ("courtain",)}, "tier 'courtain' is unknown; did you mean 'curtain'"),
        ({"tiers": ()}, "tiers must name some of blackout"),
        ({"tiers": ("tunnel",), "hidden": (1000,)}, "tunnel hides nothing for so long"),
        ({"tiers": ("empty",), "blind": True}, "blind leaves out the object, and empty asks"),
        ({"task": NMNISTTask("test"), "blind": True}, "blind is for made-up scenes"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_a_setting_that_does_not_fit_is_named_in_one_line(settings, told):
    with pytest.raises(UserError, match=told) as error:
        PermanencePlan(**settings)
    assert "\n" not in str(error.value)


def test_a_plan_without_settings_asks_everything_of_made_up_scenes():
    plan = PermanencePlan()
    assert plan.judged_task == SceneTask("test")
    assert {tier for tier, _ in plan.cells()} == set(plan.task.tiers)
    assert {hidden for _, hidden in plan.cells()} == {30, 60, 120, 300, 1000}
    assert plan.options() == {"state_noise": 0.0}


def test_a_plan_stays_as_it_was_checked():
    with pytest.raises(FrozenInstanceError):
        PermanencePlan().state_bits = 12


def test_cells_that_a_tier_does_not_have_are_left_out():
    assert list(PermanencePlan(TASK, hidden=(120, 300)).cells()) == [
        ("blackout", 120), ("blackout", 300), ("tunnel", 120)
    ]  # fmt: skip


def test_where_the_object_is_left_out_nothing_is_asked_of_its_presence():
    plan = PermanencePlan(TASK, ("blackout", "leaves"), hidden=(30,))
    assert list(plan.cells()) == [("blackout", 30), ("leaves", 30)]
    assert list(replace(plan, blind=True).cells()) == [("blackout", 30)]


def test_seed_frame_length_and_blindness_reach_the_scenes():
    plan = PermanencePlan(TASK, frame_ms=5.0, blind=True, seed=7, hidden=(30,))
    task = plan.judged_task
    assert (task.seed, task.scene.frame_us, task.scene.blind) == (7, 5000, True)
    assert task.seen == 8, "as long in view"
    assert plan.task is TASK
    assert replace(plan, frame_ms=None, blind=False, seed=None).judged_task == TASK


def test_models_are_called_with_what_differs_from_their_own():
    plan = PermanencePlan(TASK, hidden=(30,), state_noise=0.01, state_bits=8, frame_ms=20.0)
    assert plan.options() == {"state_noise": 0.01, "state_bits": 8, "frame_ms": 20.0}


def test_views_of_another_length_are_asked_for_and_told():
    plan = PermanencePlan(tiers=("curtain",), hidden=(30,), events=2, seen=60, seed=0)
    (scenes,) = plan.judged_task.batches("curtain", 30, 2)
    assert (scenes.occlusions[0].seen == 59).all()
    assert plan.words()[-4:] == ["--seen", "60", "--seed", "0"]
    with pytest.raises(UserError, match="seen must be at least 1 frame, got 0"):
        PermanencePlan(seen=0)
    with pytest.raises(UserError, match="recordings of nmnist are seen whole"):
        PermanencePlan(NMNISTTask("test"), seen=60)
