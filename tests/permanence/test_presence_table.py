import io
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from neurosvt.permanence import (
    PermanencePlan,
    SceneTask,
    StepModel,
    evaluate_permanence,
    presence_table,
)
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import SceneConfig
from tests.permanence.toys import Toy

TASK = SceneTask("test", seen=4, batch=4, scene=SceneConfig(size=32))
PLAN = PermanencePlan(TASK, ("curtain", "empty", "leaves", "stranger"), hidden=(20, 24), events=4)


def mute(frame, state):
    """Says class and place, and nothing of presence."""
    return torch.zeros(len(frame), dtype=torch.long), torch.zeros(len(frame), 2), None


@pytest.fixture(scope="module")
def rows():
    """Of a toy, which says all the time that there is nothing, and of one that says no such
    thing."""
    return evaluate_permanence([Entrant("toy", Toy()), Entrant("mute", StepModel(mute, 8))], PLAN)


def test_every_moment_of_every_tier_and_length_has_a_row(rows):
    said = [r for r in rows if r["judgement"] == "presence"]
    assert {r["memory"] for r in said} == {"toy"}
    for hidden in (20, 24):
        moments = [(r["tier"], r["moment"]) for r in said if r["hidden_frames"] == hidden]
        assert moments == [
            ("curtain", "visible"), ("curtain", "last"), ("empty", "always"),
            ("leaves", "visible"), ("leaves", "soon"), ("leaves", "last"),
            ("stranger", "visible"), ("stranger", "visible_unfamiliar"),
            ("stranger", "last"), ("stranger", "last_unfamiliar"),
        ]  # fmt: skip
    for r in said:
        assert r["presence_score"] == (r["tier"] == "empty"), "it says nothing else"
        assert "score" not in r
    frames = {r["hidden_frames"]: r["events"] for r in said if r["tier"] == "empty"}
    assert frames[24] - frames[20] == 4 * 4, "of four sequences, four frames more"


def test_tiers_of_presence_have_no_row_of_belief(rows):
    assert {r["tier"] for r in rows if r["judgement"] != "presence"} == {"curtain"}


def test_a_position_from_the_track_leaves_presence_to_what_it_stands_on():
    of_fit = evaluate_permanence(Entrant("a", TrackFit(Toy(), degree=0, window=2)), PLAN)
    own = evaluate_permanence(Entrant("a", Toy()), PLAN)
    said = [[r for r in found if r["judgement"] == "presence"] for found in (of_fit, own)]
    assert said[0] == said[1]


def test_the_table_names_moments_and_those_without_a_word(rows):
    text = io.StringIO()
    Console(width=110, file=text).print(presence_table(rows))
    for word in ("toy", "24 hidden", "last hidden frame", "200 ms after it left", "every frame"):
        assert word in text.getvalue()
    assert "without a word on presence: mute" in text.getvalue()
    assert "constant" not in text.getvalue()


def test_scenes_without_their_objects_say_nothing_of_presence():
    blind = evaluate_permanence(Toy(), replace(PLAN, blind=True))
    assert {r["judgement"] for r in blind} == {"visible", "belief", "recovery"}
