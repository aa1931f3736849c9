from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from neurosvt.nn.heads import Belief
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.evaluate import evaluate_cell
from neurosvt.permanence.tasks import SceneTask
from neurosvt.presence import Presence
from neurosvt.scenes.scenes import SHAPE_CLASSES, SceneConfig

TASK = SceneTask("validation", batch=20)


class Stubborn(nn.Module):
    """Says the same, whatever it sees."""

    def forward(self, frames, state=None, *, state_noise=0.0):
        steps, batch = frames.shape[:2]
        position = torch.full((steps, batch, 2), 0.4)
        logits = torch.ones(steps, batch, len(SHAPE_CLASSES))
        return Belief(logits, position, torch.zeros(steps, batch, len(Presence))), ()


LINE = TrackFit(Stubborn(), degree=1, window=24)
LAST_SEEN = TrackFit(Stubborn(), degree=0, window=5)


def error(model, tier):
    return np.median(evaluate_cell({"": model}, TASK, tier, 30, 20)[""]["belief"].position_error)


@pytest.mark.parametrize("tier", ["tunnel", "curtain_moving"])
def test_a_line_follows_what_moves_on(tier):
    assert error(LINE, tier) < 4 / 64
    assert error(LAST_SEEN, tier) > error(LINE, tier)


@pytest.mark.parametrize("tier", ["blackout", "curtain"])
def test_what_rests_is_where_it_was_last_seen_and_not_on_the_line(tier):
    assert error(LAST_SEEN, tier) < 5 / 64
    assert error(LINE, tier) > 1 / 8


def test_where_the_track_was_quiet_it_is_the_middle():
    (scenes,) = TASK.batches("blackout", 30, 4)
    silent = replace(scenes, frames=np.zeros_like(scenes.frames))
    assert (LINE.positions(silent) == 0.5).all()


def test_what_comes_after_the_visible_track_does_not_matter():
    (scenes,) = TASK.batches("succession", 30, 8)
    scenes = replace(scenes, occlusions=scenes.occlusions[:1])
    end = scenes.occlusions[0].seen.max() + 1
    other = scenes.frames.copy()
    other[end:] = ~other[end:]
    for fit in (LINE, LAST_SEEN):
        assert np.array_equal(fit.positions(scenes), fit.positions(replace(scenes, frames=other)))


def test_class_and_other_moments_are_left_to_what_it_stands_on():
    found = evaluate_cell({"fit": LINE, "own": LINE.knows}, TASK, "tunnel", 6, 7)
    for name in ("visible", "recovery"):
        assert np.array_equal(
            found["fit"][name].predicted_position, found["own"][name].predicted_position
        )
    assert np.array_equal(
        found["fit"]["belief"].predicted_class, found["own"]["belief"].predicted_class
    )
    frames = torch.zeros(2, 1, 2, 64, 64, dtype=torch.bool)
    assert torch.equal(LINE(frames)[0].position, LINE.knows(frames)[0].position)


def test_on_a_wide_sensor_it_is_judged_in_the_same_unit():
    """What rests in darkness is where it was last seen, to the right of the middle too."""
    task = SceneTask("test", batch=20, scene=SceneConfig(size=(96, 48)))
    outcomes = evaluate_cell({"seen": LAST_SEEN}, task, "blackout", 20, 20)["seen"]["belief"]
    assert outcomes.position[:, 0].max() > 1.2
    assert np.median(outcomes.position_error) < 5 / 64
