import io
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from torch import nn

from neurosvt.config import UserError
from neurosvt.permanence import PermanencePlan, SceneTask, StepModel, evaluate_permanence
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.score_table import as_entrants, score_table
from neurosvt.results.entrant import Entrant
from neurosvt.results.rows import plain
from neurosvt.scenes.scenes import SceneConfig
from tests.permanence.toys import Toy, ToyOfOptions

TASK = SceneTask("test", seen=4, batch=3, scene=SceneConfig(size=32), tiers=("blackout", "curtain"))
PLAN = PermanencePlan(TASK, hidden=(3, 5), events=4, state_noise=0.3)

FIELDS = {
    "model", "memory", "tau", "dataset", "tier", "hidden_frames", "frame_ms", "judgement", "score",
    "low", "high", "class_score", "place_error_px", "events", "seed", "state_noise", "state_bits",
    "parameters", "train_steps", "confidence", "calibration_error", "forgotten",
    "forgotten_of_wrong",
}  # fmt: skip


def beliefs(rows, memory):
    return [r for r in rows if r["memory"] == memory and r["judgement"] == "belief"]


def test_every_entrant_has_a_row_in_every_cell_beside_the_best_constant():
    rows = evaluate_permanence([Entrant("a", Toy()), Entrant("b", Toy(1))], PLAN)
    for tier in ("blackout", "curtain"):
        for memory in ("a", "b"):
            own = [r for r in rows if (r["tier"], r["memory"]) == (tier, memory)]
            assert sorted((r["hidden_frames"], r["judgement"]) for r in own) == [
                (0, "belief"),  # while it still saw
                (3, "belief"), (3, "presence"), (3, "presence"), (3, "recovery"), (3, "visible"),
                (5, "belief"), (5, "presence"), (5, "presence"), (5, "recovery"), (5, "visible"),
            ]  # fmt: skip
        constant = [r for r in rows if (r["tier"], r["memory"]) == (tier, "constant")]
        assert [r["hidden_frames"] for r in constant] == [3, 5]
    assert all(set(row) == FIELDS for row in rows if row["judgement"] != "presence")


def test_a_row_says_what_its_entrant_says_of_itself():
    entrant = Entrant("mine", Toy(), kind="toy", tau=2.0, train_steps=7)
    row = evaluate_permanence(entrant, PLAN)[0]
    assert (row["memory"], row["model"], row["tau"], row["train_steps"]) == ("mine", "toy", 2.0, 7)
    assert row["parameters"] == sum(p.numel() for p in Toy().parameters())
    given = evaluate_permanence(replace(entrant, parameters=3), PLAN)[0]
    assert given["parameters"] == 3


def test_a_model_is_judged_as_it_is_or_in_a_sequence_of_any_kind():
    alone = evaluate_permanence(Toy(), PLAN)
    assert plain(alone) == plain(evaluate_permanence(iter([Toy()]), PLAN))
    assert {row["memory"] for row in alone} == {"Toy", "constant"}


def test_a_function_of_one_frame_is_judged_without_noise():
    def step(frame, state):
        return torch.zeros(len(frame), dtype=torch.long), torch.zeros(len(frame), 2), None

    rows = evaluate_permanence(StepModel(step, 8), replace(PLAN, state_noise=0.0))
    assert all(row["class_score"] < 1 for row in beliefs(rows, "StepModel"))


def test_two_of_one_name_are_refused_and_so_is_nobody():
    with pytest.raises(UserError, match="two entrants are called 'Toy'"):
        as_entrants([Toy(), Toy()])
    with pytest.raises(UserError, match="no entrant"):
        as_entrants([])


def test_what_a_model_answers_does_not_depend_on_who_stands_beside_it():
    model = Toy()
    alone = evaluate_permanence(Entrant("a", model), PLAN)
    beside = evaluate_permanence([Entrant("b", Toy(1)), Entrant("a", model)], PLAN)
    assert [r for r in alone if r["memory"] == "a"] == [r for r in beside if r["memory"] == "a"]


def test_the_same_seed_gives_the_same_rows_and_another_does_not():
    one, two, other = (
        plain(evaluate_permanence(Toy(), replace(PLAN, seed=seed))) for seed in (3, 3, 4)
    )
    assert one == two
    errors = [[r["place_error_px"] for r in beliefs(rows, "Toy")] for rows in (one, other)]
    assert errors[0] != errors[1]
    assert {r["seed"] for r in other} == {4}


def test_models_are_told_noise_bits_and_frame_length_and_are_in_eval_mode():
    model = ToyOfOptions().train()
    evaluate_permanence(model, replace(PLAN, state_bits=8, frame_ms=20.0))
    assert set(model.told) == {(0.3, 8, 20.0, False)}
    assert model.training, "and is left as it was"


def test_noise_changes_what_a_model_answers():
    rows = [evaluate_permanence(Toy(), replace(PLAN, state_noise=n)) for n in (0.0, 0.3)]
    errors = [[r["place_error_px"] for r in beliefs(one, "Toy")] for one in rows]
    assert errors[0] != errors[1]


@pytest.mark.parametrize("option", [{"frame_ms": 20.0}, {"state_bits": 8}], ids=str)
def test_an_option_that_a_model_does_not_take_is_refused_before_anything_is_judged(option):
    (name,) = option
    judged = []
    taking = Entrant("takes", ToyOfOptions())
    with pytest.raises(UserError, match=rf"^{name}: refuses takes none"):
        evaluate_permanence(
            [taking, Entrant("refuses", Toy())], replace(PLAN, **option),
            on_batch=lambda done, of: judged.append(done),
        )  # fmt: skip
    assert judged == []


def test_a_model_that_hands_options_on_takes_what_its_model_takes():
    plan = replace(PLAN, state_bits=8)
    assert evaluate_permanence(TrackFit(ToyOfOptions(), degree=0, window=2), plan)
    with pytest.raises(UserError, match="state_bits: TrackFit takes none"):
        evaluate_permanence(TrackFit(Toy(), degree=0, window=2), plan)


def test_what_is_done_is_told_and_ends_with_all():
    told = []
    evaluate_permanence(Toy(), PLAN, on_batch=lambda done, of: told.append((done, of)))
    assert len(told) == 2 * 2 * 2, "tiers, lengths, batches"
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_blind_scenes_have_rows_of_their_own_name_and_no_constant():
    rows = evaluate_permanence(Entrant("a", Toy()), replace(PLAN, blind=True))
    assert {row["memory"] for row in rows} == {"a, blind"}


def test_the_table_has_a_line_for_every_row_and_a_column_for_every_length():
    entrants = [Entrant("lif_5", Toy(), tau=5.0, train_steps=9), Entrant("gru", Toy(1))]
    text = io.StringIO()
    Console(width=110, file=text).print(score_table(evaluate_permanence(entrants, PLAN)))
    for word in ("blackout", "curtain", "lif tau 5.0", "gru", "constant", "seen", "3 hidden"):
        assert word in text.getvalue()
    assert "steps" not in text.getvalue(), "told where they differ"


def test_a_module_behind_a_step_counts_and_is_in_eval_mode():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.read = nn.Linear(1, 10)
            self.seen = []

        def step(self, frame, state):
            self.seen.append(self.training)
            y = self.read(self.drop(frame.float().mean((1, 2, 3))[:, None]))
            return y[:, :8], y[:, 8:].sigmoid(), None

    net = Net()
    rows = evaluate_permanence(StepModel(net.step, 8), replace(PLAN, state_noise=0.0))
    assert rows[0]["parameters"] == 20
    assert set(net.seen) == {False}
