import numpy as np
import pytest
import torch

from neurosvt.permanence.adapter import StepModel
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.metrics import UNTOLD
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.scenes import SHAPE_CLASSES, SceneConfig

TASK = SceneTask("test", seen=4, batch=4, scene=SceneConfig(size=32, noise_hz=0.0))


def counting(frame, state):
    """Says as class and place how many frames it has seen."""
    seen = 1 if state is None else state + 1
    label = torch.full((len(frame),), seen % len(SHAPE_CLASSES))
    return label, torch.full((len(frame), 2), float(seen)), seen


@pytest.mark.parametrize("tier", ["blackout", "succession"])
def test_every_frame_is_shown_once_and_in_order(tier):
    found = evaluate_cell({"": StepModel(counting, len(SHAPE_CLASSES))}, TASK, tier, 70, 8)[""][
        "belief"
    ]
    scenes = next(iter(TASK.batches(tier, 70, 8)))
    lasts = np.repeat([o.last for o in scenes.occlusions], scenes.label.shape[1])
    assert found.predicted_position[: len(lasts), 0].tolist() == (lasts + 1).tolist()
    assert (
        found.predicted_class[: len(lasts)].tolist() == ((lasts + 1) % len(SHAPE_CLASSES)).tolist()
    )


def test_scores_of_the_classes_will_do_as_well():
    def scoring(frame, state):
        label, position, state = counting(frame, state)
        return torch.nn.functional.one_hot(label, 8) * 2.5 - 7, position, state

    one, two = (
        evaluate_cell({"": StepModel(step, 8)}, TASK, "blackout", 5, 4)[""]["belief"]
        for step in (counting, scoring)
    )
    assert np.array_equal(one.predicted_class, two.predicted_class)


@pytest.mark.parametrize(
    ("label", "position"), [((3, 8), (4, 2)), ((4, 7), (4, 2)), ((4, 8), (4, 3)), ((4,), (2,))]
)
def test_an_answer_of_a_wrong_shape_is_named(label, position):
    def step(frame, state):
        return torch.zeros(label, dtype=torch.long), torch.zeros(position), None

    with pytest.raises(ValueError, match=r"step must return classes \(4, 8\) or \(4,\)"):
        StepModel(step, 8)(torch.zeros(2, 4, 2, 8, 8, dtype=torch.bool))


def test_what_says_nothing_of_presence_is_taken_to_say_nothing_of_it():
    found = evaluate_cell({"": StepModel(counting, 8)}, TASK, "empty", 5, 4)[""]["always"]
    assert (found.predicted_presence == UNTOLD).all()
    assert not found.presence_right.any()


def test_noise_on_a_state_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="state_noise must be 0"):
        StepModel(counting, 8)(torch.zeros(1, 1, 2, 8, 8, dtype=torch.bool), state_noise=0.1)
