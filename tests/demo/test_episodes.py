import numpy as np
import pytest

from neurosvt.demo.episodes import dark_episode, scene_episode
from neurosvt.demo.work import CONSTANT_TITLE, facts_of, what_rows_are, work_rows
from neurosvt.permanence.tasks import SceneTask
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import SceneConfig
from tests.permanence.toys import Toy

TASK = SceneTask("test", seen=4, scene=SceneConfig(size=32))
ENTRANTS = (Entrant("lif_5", Toy(), tau=5.0, train_steps=9), Entrant("latch", Toy(1)))


@pytest.fixture(scope="module")
def scenes():
    return next(iter(TASK.batches("curtain", 6, 2)))


def test_an_episode_is_the_first_sequence_as_every_model_sees_it(scenes):
    episode = scene_episode("curtain", scenes, ENTRANTS, TASK)
    assert np.array_equal(episode.frames, scenes.frames[:, 0])
    assert np.array_equal(episode.position, scenes.position[:, 0])
    assert [track.model for track in episode.beliefs] == ["lif tau 5.0", "latch"]
    first, second = (track.position for track in episode.beliefs)
    assert first.shape == (len(scenes.frames), 2)
    assert not np.array_equal(first, second)
    assert episode.frame_ms == 10.0


@pytest.mark.parametrize(("label", "known"), [(3, True), (9, False), (None, False)])
def test_a_recording_is_followed_by_darkness_and_has_no_true_position(label, known):
    frames = np.random.default_rng(0).random((3, 2, 32, 32)) < 0.1
    episode = dark_episode(
        "cup", frames, 5, ENTRANTS, frame_ms=20.0, classes=TASK.classes, label=label
    )
    assert len(episode.frames) == 8
    assert not episode.frames[3:].any()
    assert episode.hidden.tolist() == 3 * [False] + 5 * [True]
    assert episode.position is None
    assert (episode.label is not None) == known


def test_work_is_told_for_both_phases_in_rows_and_words(scenes):
    rows = work_rows(ENTRANTS[0], scenes, "curtain", 0.1)
    assert [row["phase"] for row in rows] == ["active", "hidden"]
    facts = facts_of(ENTRANTS, rows)
    assert facts["parameters, lif tau 5.0"] == "30"
    assert "synaptic operations" in facts["per hidden frame, curtain, lif tau 5.0"]
    assert "tokens" not in facts["per hidden frame, curtain, lif tau 5.0"], "it has none"


def test_every_row_is_said_in_a_line_with_its_training():
    lines = what_rows_are(ENTRANTS)
    assert lines["latch"].startswith("the network without memory, holding its last answer")
    assert lines["lif tau 5.0"].endswith("trained for 9 steps")
    assert lines[CONSTANT_TITLE].endswith("not trained")
    assert CONSTANT_TITLE not in what_rows_are(ENTRANTS, constant=False)
    assert what_rows_are([Entrant("mine", Toy(), kind="toy")])["mine"].startswith("toy; ")
