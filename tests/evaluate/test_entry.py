import numpy as np
import pytest
import torch

from neurosvt.data.scenes import CLASSES, SceneConfig
from neurosvt.evaluate.entry import Entry
from neurosvt.evaluate.exams import SceneExam
from neurosvt.evaluate.permanence import judge

EXAM = SceneExam("test", seen=4, batch=4, scene=SceneConfig(size=32, noise_hz=0.0))


def counting(frame, state):
    """Says as class and place how many frames it has seen."""
    seen = 1 if state is None else state + 1
    label = torch.full((len(frame),), seen % len(CLASSES))
    return label, torch.full((len(frame), 2), float(seen)), seen


@pytest.mark.parametrize("tier", ["blackout", "succession"])
def test_every_frame_is_shown_once_and_in_order(tier):
    found = judge({"": Entry(counting, len(CLASSES))}, EXAM, tier, 70, 8)[""]["belief"]
    scenes = next(iter(EXAM.questions(tier, 70, 8)))
    lasts = np.repeat([o.last for o in scenes.occlusions], scenes.label.shape[1])
    assert found.said_place[: len(lasts), 0].tolist() == (lasts + 1).tolist()
    assert found.said_class[: len(lasts)].tolist() == ((lasts + 1) % len(CLASSES)).tolist()


def test_scores_of_the_classes_will_do_as_well():
    def scoring(frame, state):
        label, place, state = counting(frame, state)
        return torch.nn.functional.one_hot(label, 8) * 2.5 - 7, place, state

    one, two = (
        judge({"": Entry(step, 8)}, EXAM, "blackout", 5, 4)[""]["belief"]
        for step in (counting, scoring)
    )
    assert np.array_equal(one.said_class, two.said_class)


@pytest.mark.parametrize(
    ("label", "place"), [((3, 8), (4, 2)), ((4, 7), (4, 2)), ((4, 8), (4, 3)), ((4,), (2,))]
)
def test_an_answer_of_a_wrong_shape_is_named(label, place):
    def step(frame, state):
        return torch.zeros(label, dtype=torch.long), torch.zeros(place), None

    with pytest.raises(ValueError, match=r"step must return classes \(4, 8\) or \(4,\)"):
        Entry(step, 8)(torch.zeros(2, 4, 2, 8, 8, dtype=torch.bool))


def test_noise_on_a_state_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="state_noise must be 0"):
        Entry(counting, 8)(torch.zeros(1, 1, 2, 8, 8, dtype=torch.bool), state_noise=0.1)
