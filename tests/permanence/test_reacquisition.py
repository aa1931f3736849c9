import numpy as np
import pytest
import torch
from torch import nn

from neurosvt.nn.heads import Belief
from neurosvt.permanence.reacquisition import LONGEST_WAIT, measure_reacquisition
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.scenes import SHAPE_CLASSES, SceneConfig

TASK = SceneTask("test", seen=4, batch=4, scene=SceneConfig(size=32, noise_hz=0.0))


class Late(nn.Module):
    """Knows the class, but only so many frames after the object is back; `blinks` once before."""

    def __init__(self, scenes, late, blinks=()):
        super().__init__()
        self.label = scenes.label
        self.knows = np.zeros(len(scenes.label), bool)
        back = scenes.occlusions[0].last + 1
        self.knows[back + late :] = True
        for blink in blinks:
            self.knows[back + blink] = True

    def forward(self, frames, state=None, **options):
        now = slice(state or 0, (state or 0) + len(frames))
        label = torch.from_numpy(np.where(self.knows[now, None], self.label[now], -1) % 8)
        wrong = (torch.from_numpy(self.label[now]) + 1) % 8
        said = torch.where(torch.from_numpy(self.knows[now])[:, None], label, wrong)
        logits = nn.functional.one_hot(said, len(SHAPE_CLASSES)).float()
        position = torch.zeros(*said.shape, 2)
        return Belief(logits, position, position[..., 0]), now.stop


@pytest.fixture
def scenes():
    (shown,) = TASK.batches("blackout", 6, 4, after=LONGEST_WAIT)
    return shown


@pytest.mark.parametrize(
    ("late", "blinks", "frames"),
    [
        (0, (), 0),
        (7, (), 7),
        (7, (2, 3), 7),
        (LONGEST_WAIT, (), LONGEST_WAIT),
        (LONGEST_WAIT - 2, (), LONGEST_WAIT),
    ],
)
def test_frames_are_counted_until_the_class_stays_right(scenes, late, blinks, frames):
    found = measure_reacquisition({"": Late(scenes, late, blinks)}, TASK, "blackout", 6, 4)[""]
    assert found.frames.tolist() == [frames] * 4
    back = scenes.occlusions[0].last + 1
    assert found.events.tolist() == scenes.frames[back : back + frames].sum((0, 2, 3, 4)).tolist()


def test_a_row_says_how_often_nothing_had_to_be_seen(scenes):
    found = measure_reacquisition(
        {"a": Late(scenes, 0), "b": Late(scenes, LONGEST_WAIT)}, TASK, "blackout", 6, 4
    )
    assert found["a"].row()["right_at_once"] == 1.0
    assert found["a"].row()["events_mean"] == 0.0
    assert found["b"].row()["never"] == 1.0
    assert found["b"].row()["frames_median"] == LONGEST_WAIT
