"""How readily a model says that there is nothing, or a stranger."""

import pytest
import torch
from torch import nn

from neurosvt.nn.heads import Heads
from neurosvt.nn.track_heads import TrackHeads
from neurosvt.ops.tracks import TRACK_NUMBERS
from neurosvt.permanence import evaluate
from neurosvt.permanence.presence_scores import raised, tune_presence
from neurosvt.permanence.tasks import SceneTask
from neurosvt.presence import Presence


def test_scores_rise_until_they_would_cost_too_many_objects():
    torch.manual_seed(0)
    scores = torch.randn(4000, len(Presence))
    found = raised(scores, most_lost=0.05)
    assert found.keys() == {Presence.NOTHING, Presence.STRANGER}
    for kind, by in found.items():
        others = scores[:, [Presence.IN_VIEW, Presence.HIDDEN, Presence.GONE]].amax(1)
        lost = (scores[:, kind] + by > others).float().mean()
        assert lost.item() == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("kind", list(Presence))
def test_what_is_raised_is_that_score_alone(kind):
    tracks = 2 * TRACK_NUMBERS
    for heads in (
        Heads(8, 6, 3),
        TrackHeads(8 + tracks, 6, 3, tracks=2, choice=4, corrects=True),
    ):
        charge = torch.rand(5, 2, 8 + (tracks if isinstance(heads, TrackHeads) else 0))
        before = heads.eval()(charge)
        heads.raise_presence(kind, 2.5)
        after = heads(charge)
        more = torch.zeros(len(Presence))
        more[kind] = 2.5
        torch.testing.assert_close(after.presence_logits, before.presence_logits + more)
        assert torch.equal(after.class_logits, before.class_logits)
        assert torch.equal(after.position, before.position)


def test_objects_of_the_classes_are_asked_about_in_view_and_hidden(monkeypatch):
    asked = []

    def beliefs(model, scenes, state_noise):
        said = torch.zeros(*scenes.presence.shape, len(Presence))
        truth = torch.from_numpy(scenes.presence.astype(int))
        asked.append(set(truth.unique().tolist()))
        said.scatter_(-1, truth[..., None], 8.0)
        return type("Said", (), {"presence_logits": said})

    monkeypatch.setattr(evaluate, "beliefs", beliefs)
    task = SceneTask("validation", batch=4, tiers=("curtain", "empty", "stranger", "leaves"))
    found = tune_presence(nn.Identity(), task, hidden=6, events=4)
    assert asked == [{Presence.IN_VIEW, Presence.HIDDEN}], "of the curtain alone"
    assert found == {Presence.NOTHING: 8.0, Presence.STRANGER: 8.0}
