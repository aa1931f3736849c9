import itertools
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.heads import Belief
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.norm import ScaleNorm
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.short_memories import NoMemoryConfig, TokenMemoryConfig
from neurosvt.permanence.baselines.latch import Latch
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.evaluate import (
    cells,
    evaluate_batch,
    evaluate_cell,
    tune_latch,
    validation_score,
)
from neurosvt.permanence.metrics import best_constant, row
from neurosvt.permanence.tasks import SceneTask
from neurosvt.presence import Presence
from neurosvt.scenes.scenes import SHAPE_CLASSES, SceneConfig

module = import_module("neurosvt.permanence.evaluate")
TASK = SceneTask("test", seen=4, batch=4, scene=SceneConfig(size=32, noise_hz=0.0))
TINY = NeuroSVTConfig(
    image_size=32,
    kernel_size=8,
    width=8,
    heads=2,
    depth=1,
    memory=LeakyMemoryConfig(channels=8),
    readout=ReadoutConfig(width=8),
)


@cache
def batches(tier="blackout", hidden=6, events=7):
    return tuple(TASK.batches(tier, hidden, events))


class Oracle(nn.Module):
    """Cheats: was told what it is going to be asked, in order, and asked in turn for ever."""

    def __init__(self, asked):
        super().__init__()
        self.asked = itertools.cycle(asked)

    def forward(self, frames, state=None, *, state_noise=0.0):
        scenes, start = (next(self.asked), 0) if state is None else state
        now = slice(start, start + len(frames))
        label = torch.from_numpy(scenes.label[now])
        presence = torch.from_numpy(scenes.presence[now]).long()
        known = nn.functional.one_hot(label, len(SHAPE_CLASSES)).float()
        there = nn.functional.one_hot(presence, len(Presence)).float()
        belief = Belief(known, torch.from_numpy(scenes.position[now]), there)
        return belief, (scenes, now.stop)


class Stubborn(nn.Module):
    """Says the same, whatever it sees."""

    def __init__(self, label=2, position=(0.4, 0.6)):
        super().__init__()
        self.label, self.position = label, position

    def forward(self, frames, state=None, *, state_noise=0.0):
        steps, batch = frames.shape[:2]
        logits = torch.zeros(steps, batch, len(SHAPE_CLASSES))
        logits[..., self.label] = 1
        position = torch.tensor(self.position).expand(steps, batch, 2)
        return Belief(logits, position, torch.zeros(steps, batch, len(Presence))), ()


class Watch(nn.Module):
    """Says what time it is: steps since the beginning, as a place."""

    def forward(self, frames, state=None, *, state_noise=0.0):
        start, (steps, batch) = state or 0, frames.shape[:2]
        time = torch.arange(start, start + steps).float()
        position = torch.stack([time, 0 * time], -1)[:, None].expand(-1, batch, -1)
        untold = torch.zeros(steps, batch, len(Presence))
        return Belief(torch.zeros(steps, batch, 8), position, untold), start + steps


MEMORIES_OF_TESTS = {
    "leaky": LeakyMemoryConfig(channels=8),
    "lif": TokenMemoryConfig(),
    "none": NoMemoryConfig(channels=8),
}


@cache
def seeing_model(memory="leaky"):
    """A small model that has seen frames, so that it fires; on its grid, where sums are exact."""
    torch.manual_seed(0)
    model = NeuroSVT(replace(TINY, memory=MEMORIES_OF_TESTS[memory]))
    norms = [module for module in model.modules() if isinstance(module, ScaleNorm)]
    for norm in norms:
        norm.momentum = 0.5
    for scenes in batches() * 4:
        model(torch.from_numpy(scenes.frames))
    return model.on_grid()


# Asking


@pytest.mark.parametrize("chunk", [1, 3, 4, 7, 12, 64])
@pytest.mark.parametrize("tier", ["blackout", "curtain", "tunnel", "succession"])
def test_answers_count_at_their_moments_wherever_a_chunk_ends(tier, chunk, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", chunk)
    scenes = batches(tier)[0]
    batch = scenes.label.shape[1]
    found = evaluate_batch(Watch(), scenes)
    for index, o in enumerate(scenes.occlusions):
        within = o.recovered < len(scenes.frames)
        assert within.any()
        assert within.all() or tier == "tunnel"  # which may be slow on so small a sensor
        mine = slice(index * batch, (index + 1) * batch)
        times = {name: a.predicted_position[mine, 0].tolist() for name, a in found.items()}
        assert times["visible"] == o.seen.tolist()
        assert times["belief"] == [o.last] * batch
        assert times["recovery"] == o.recovered[within].tolist()
        assert not scenes.hidden[o.seen, np.arange(batch)].any()
        assert scenes.hidden[o.last].all()
        assert not scenes.hidden[o.last + 1].any()
        assert (o.recovered >= o.last + 3).all()  # back: 1st, 2nd, 3rd
        for name, moments in (("visible", o.seen), ("recovery", o.recovered)):
            rows = np.flatnonzero(moments < len(scenes.frames))
            at = moments[rows], rows
            assert np.array_equal(found[name].position[mine], scenes.position[at])
            assert np.array_equal(found[name].label[mine], scenes.label[at])
    assert len(found["belief"].label) == batch * len(scenes.occlusions)
    assert len(np.unique(found["belief"].sequence)) == batch


@pytest.mark.parametrize("memory", ["leaky", "lif", "none"])
def test_chunks_change_no_answer(memory, monkeypatch):
    found = {}
    for chunk in (64, 5, 1):
        monkeypatch.setattr(module, "CHUNK", chunk)
        found[chunk] = evaluate_batch(seeing_model(memory), batches()[0])
    assert (
        found[64]["visible"].predicted_position != found[64]["visible"].predicted_position[0]
    ).any()
    for chunk, name in itertools.product((5, 1), found[64]):
        assert np.array_equal(found[64][name].predicted_class, found[chunk][name].predicted_class)
        np.testing.assert_allclose(
            found[64][name].predicted_position, found[chunk][name].predicted_position, atol=1e-5
        )


def test_asking_leaves_no_graph_behind():
    model = seeing_model()
    evaluate_cell({"": model}, TASK, "blackout", 6, 4)
    assert all(p.grad is None for p in model.parameters())


# Judging


def test_one_that_knows_the_truth_is_always_right():
    for tier in TASK.tiers:
        found = evaluate_cell({"oracle": Oracle(batches(tier))}, TASK, tier, 6, 7)["oracle"]
        assert set(found) == {"visible", "belief", "recovery"}
        for moment in found.values():
            assert row(moment, 32)["score"] == 1.0
            assert moment.position_error.max() == 0
            assert len(moment.label) <= (8 if tier == "succession" else 7)
        assert len(found["belief"].label) == (8 if tier == "succession" else 7)


def test_one_that_says_the_same_is_not_above_the_best_constant():
    models = {
        f"{label}": Stubborn(label, position)
        for label, position in enumerate(itertools.product((0.3, 0.5), (0.4, 0.6)))
    }
    found = evaluate_cell(models, TASK, "blackout", 6, 40)
    best = best_constant(found["0"]["belief"]).right.mean()
    assert 0 < best < 1
    assert all(answer["belief"].right.mean() <= best for answer in found.values())


def test_a_model_answers_alike_whoever_else_is_asked():
    """Also under noise, which is drawn anew for every model."""
    model, other = seeing_model(), seeing_model("lif")
    alone = evaluate_cell({"a": model}, TASK, "curtain", 6, 7, state_noise=0.5)["a"]
    last = evaluate_cell(
        {"b": other, "c": model, "a": model}, TASK, "curtain", 6, 7, state_noise=0.5
    )
    for name, found in alone.items():
        for again in (last["a"][name], last["c"][name]):
            assert np.array_equal(found.predicted_position, again.predicted_position)
            assert np.array_equal(found.predicted_class, again.predicted_class)


def test_noise_on_the_state_is_felt_and_differs_between_batches():
    model, positions = seeing_model(), {}
    for noise in (0.0, 0.5):
        found = evaluate_cell({"": model}, TASK, "blackout", 6, 8, state_noise=noise)[""]["belief"]
        positions[noise] = found.predicted_position
    moved = positions[0.5] - positions[0.0]
    assert (moved != 0).any()
    assert not np.allclose(moved[:4], moved[4:])


def test_judging_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    evaluate_cell({"a": seeing_model()}, TASK, "blackout", 6, 4, state_noise=0.5)
    assert torch.equal(torch.get_rng_state(), before)


def test_judging_tells_of_every_batch():
    told = []
    evaluate_cell({"a": Watch(), "b": Watch()}, TASK, "blackout", 6, 7, on_batch=told.append)
    assert told == [4, 3]


def told(function, calls):
    """The same function, which keeps count."""

    def call(*args, **options):
        calls.append(args)
        return function(*args, **options)

    return call


def test_those_who_stand_on_one_network_ask_it_once_and_say_what_they_say_alone(monkeypatch):
    network, shown = seeing_model("none"), []
    monkeypatch.setattr(module, "_show", told(module._show, shown))
    latch = Latch(network, -1.0)
    models = {"none": network, "latch": latch, "seen": TrackFit(latch, degree=0, window=2)}
    together = evaluate_cell(models, TASK, "curtain", 6, 7, state_noise=0.5)
    assert len(shown) == 2, "two batches"
    for name, model in models.items():
        alone = evaluate_cell({name: model}, TASK, "curtain", 6, 7, state_noise=0.5)[name]
        for moment, found in together[name].items():
            for column, again in zip(
                vars(found).values(), vars(alone[moment]).values(), strict=True
            ):
                assert np.array_equal(column, again)


def test_cells_are_every_tier_with_every_length():
    asked = list(cells(TASK, iter([30, 60]), ["blackout", "tunnel"]))
    assert asked == [("blackout", 30), ("blackout", 60), ("tunnel", 30), ("tunnel", 60)]
    assert {tier for tier, _ in cells(TASK, [30])} == set(TASK.tiers)


def test_what_moves_while_hidden_is_not_asked_for_after_so_long_that_it_would_have_to_crawl():
    asked = list(cells(TASK, [120, 300], ["blackout", "tunnel", "curtain_moving"]))
    assert asked == [
        ("blackout", 120), ("blackout", 300), ("tunnel", 120), ("curtain_moving", 120)
    ]  # fmt: skip


def test_validation_weighs_seeing_and_keeping_alike():
    class Forgets(Oracle):
        """Knows while it sees, and nothing while the object is hidden."""

        def forward(self, frames, state=None, **options):
            belief, (scenes, end) = super().forward(frames, state, **options)
            hidden = torch.from_numpy(scenes.hidden[end - len(frames) : end])
            return belief._replace(position=belief.position + 2.0 * hidden[..., None]), (
                scenes,
                end,
            )

    asked = [q for tier in TASK.tiers for q in batches(tier)]
    assert validation_score(Oracle(asked), TASK, 7, hidden=[6]) == {
        "visible": 1.0, "belief_6": 1.0, "belief": 1.0, "score": 1.0,
    }  # fmt: skip
    assert validation_score(Forgets(asked), TASK, 7, hidden=[6]) == {
        "visible": 1.0, "belief_6": 0.0, "belief": 0.0, "score": 0.5,
    }  # fmt: skip


PRESENCES = ("empty", "leaves", "stranger")


def test_one_that_knows_the_truth_is_right_about_presence_in_every_tier():
    for tier in (*PRESENCES, "curtain"):
        found = evaluate_cell({"": Oracle(batches(tier, 24))}, TASK, tier, 24, 7)[""]
        assert ("belief" in found) == (tier == "curtain")
        assert all(moment.presence_right.all() for moment in found.values())


class Hides(Oracle):
    """Knows class and place, and takes all for hidden."""

    def forward(self, frames, state=None, **options):
        belief, state = super().forward(frames, state, **options)
        presence = torch.zeros_like(belief.presence_logits)
        presence[..., Presence.HIDDEN] = 1
        return belief._replace(presence_logits=presence), state


def test_validation_weighs_presence_as_much_as_seeing_and_keeping():
    task = replace(TASK, tiers=("curtain", *PRESENCES))
    asked = [q for tier in task.tiers for q in batches(tier, 24)]
    ones = dict.fromkeys(("visible", "belief_24", "belief", "presence", "score"), 1.0)
    assert validation_score(Oracle(asked), task, 7, hidden=[24]) == ones
    found = validation_score(Hides(asked), task, 7, hidden=[24])
    assert found == {**ones, "presence": 0.0, "score": pytest.approx(2 / 3)}


def test_strangers_of_the_family_that_training_never_shows_choose_no_model():
    class KnowsOthers(Oracle):
        """Refuses only them."""

        def forward(self, frames, state=None, **options):
            belief, (scenes, end) = super().forward(frames, state, **options)
            if scenes.unfamiliar is not None:
                belief.presence_logits[:, ~scenes.unfamiliar, Presence.HIDDEN] = 2
            return belief, (scenes, end)

    task = replace(TASK, tiers=("curtain", "stranger"))
    asked = [q for tier in task.tiers for q in batches(tier, 24)]
    assert validation_score(KnowsOthers(asked), task, 7, hidden=[24])["presence"] == 0


def test_a_task_that_judges_presence_alone_cannot_choose_a_model():
    task = replace(TASK, tiers=PRESENCES)
    with pytest.raises(UserError, match="no tier of scenes hides anything for 24"):
        validation_score(Stubborn(), task, 4, hidden=[24])


def test_validation_asks_after_every_length():
    asked = [q for tier in TASK.tiers for length in (4, 6) for q in batches(tier, length)]
    found = validation_score(Oracle(asked), TASK, 7, hidden=[4, 6])
    assert found == dict.fromkeys(("visible", "belief_4", "belief_6", "belief", "score"), 1.0)


class Peeping(NeuroSVT):
    """A memoryless model that says the truth while it sees (unseen -1), and nonsense in its first
    frame and while it sees nothing (unseen 1)."""

    def __init__(self, asked):
        super().__init__(replace(TINY, memory=MEMORIES_OF_TESTS["none"]))
        self.oracle = Oracle(asked)

    def forward(self, frames, state=None, **options):
        begins = state is None
        belief, state = self.oracle(frames, state, **options)
        lost = (belief.unseen_logit > 0)[..., None]
        if begins:
            lost[0] = True
        return belief._replace(position=belief.position + 2.0 * lost), state


def test_the_latch_is_tuned_to_the_threshold_that_tells_seen_from_hidden():
    hides = ("blackout", "curtain")  # where what is hidden rests
    task = replace(TASK, tiers=(*hides, "leaves"))  # of which nothing but presence is asked
    asked = [q for tier in hides for q in batches(tier)]
    assert tune_latch(Peeping(asked), task, hidden=6, events=7) == (0.0, 1.0)


def test_a_latch_at_the_right_threshold_remembers_and_at_a_wrong_one_does_not():
    for threshold, share in ((0.0, 1.0), (2.0, 0.0)):
        latch = Latch(Peeping(batches()), threshold)
        found = evaluate_cell({"": latch}, TASK, "blackout", 6, 7)[""]
        assert found["belief"].right.mean() == share
        assert found["visible"].right.all()
        assert found["recovery"].right.all()
