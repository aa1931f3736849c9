"""Training as a library: `train(run, folder)`, without a command line."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest
import torch

from neurosvt.config import UserError, override
from neurosvt.experiments import recipes, trainer
from neurosvt.experiments.checkpoints import load
from neurosvt.experiments.interrupt import TrainingStopped
from neurosvt.experiments.registry import run_settings
from neurosvt.experiments.resume import saved_run
from neurosvt.experiments.runs import build_run
from neurosvt.loaders.prefetch import STOPS
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.ops import precision
from neurosvt.training import checkpoint
from neurosvt.training.loop import Record, Training
from neurosvt.training.losses import BeliefObjective, Parts
from tests.tiny_runs import TINY, short_validation

FIRST = "permanence_stage1"


@pytest.fixture(scope="module", autouse=True)
def quick():
    with short_validation():
        yield


def tiny(name=FIRST, **changes):
    """A tiny run; _ for the first dot."""
    settings = TINY | {key.replace("_", ".", 1): value for key, value in changes.items()}
    pairs = (f"{key}={value}" for key, value in settings.items())
    return build_run(override(run_settings(name), pairs))


@pytest.fixture
def train(tmp_path, monkeypatch):
    """train(run, folder, ...), below an empty folder."""
    monkeypatch.chdir(tmp_path)
    return trainer.train


def weights_of(path):
    tensors, _ = checkpoint.read_tensors(Path(path))
    return tensors


def assert_same(one, two):
    assert one.keys() == two.keys()
    assert not [name for name in one if not torch.equal(one[name], two[name])]


def test_a_training_leaves_its_end_its_best_and_its_curve(train, capsys):
    train(tiny(), "out")
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "best.safetensors", "earlier.safetensors", "history.json", "last.safetensors",
    ]  # fmt: skip
    curve = json.loads(Path("out/history.json").read_text())
    assert [entry["step"] for entry in curve["history"]] == [3, 4]
    for entry in curve["history"]:
        assert {"step", "seconds", "loss", "visible", "belief", "score"} <= set(entry)
        assert 0 <= entry["score"] <= 1
    best = load("out")
    assert best.metadata["score"] == max(entry["score"] for entry in curve["history"])
    assert best.run.train.steps == 4
    told = capsys.readouterr()
    assert "time constants, in steps: shortest" in told.out
    assert "of them waiting for data" in told.out
    assert "total" in told.err  # the summary, and the bar, are talk


@pytest.mark.parametrize(("has", "products"), [(True, "bfloat16"), (False, "float32")])
def test_a_training_says_what_its_products_were(has, products, train, monkeypatch):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: has)
    assert train(tiny(), "out", quiet=True).metadata["products"] == products
    train(tiny(train_amp="false"), "exact", quiet=True)
    assert load("exact").metadata["products"] == "float32"


def test_a_look_at_validation_leaves_every_module_in_its_mode(train, monkeypatch):
    modes = []

    def fit(training, batches, objective, on_step, on_nan):
        training.model.embed.eval()
        before = [m.training for m in training.model.modules()]
        on_step(Record(3, Parts(*torch.zeros(5)), 0.0, 0.0, 1.0, 0.0))
        modes.append(before == [m.training for m in training.model.modules()])

    monkeypatch.setattr(trainer, "fit", fit)
    train(tiny(), "out", quiet=True)
    assert modes == [True]


def test_what_training_returns_is_what_loading_gives(train):
    trained, loaded = train(tiny(), "out", quiet=True), load("out")
    assert (trained.name, trained.run, trained.metadata) == (
        loaded.name, loaded.run, loaded.metadata,
    )  # fmt: skip
    assert not trained.model.training
    assert trained.steps == loaded.steps == 4
    assert_same(trained.model.state_dict(), loaded.model.state_dict())


def test_a_quiet_training_prints_nothing(train, capfd, monkeypatch):
    monkeypatch.setattr(trainer, "library", lambda: None)  # which is otherwise talked about
    train(tiny("permanence_none", train_steps=1), "out", quiet=True)
    train(tiny("permanence_none", train_steps=1), "out", quiet=True, resume=True)
    assert capfd.readouterr() == ("", "")


def test_a_training_in_another_thread_leaves_ctrl_c_alone(train):
    """Only the main thread may set what is done about signals."""
    before, outcome = signal.getsignal(signal.SIGINT), []
    run = tiny(train_steps=1)
    thread = threading.Thread(target=lambda: outcome.append(train(run, "out", quiet=True)))
    thread.start()
    thread.join()
    assert outcome[0].steps == 1
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", STOPS, ids=[number.name for number in STOPS])
def test_a_signal_between_two_steps_saves_and_says_where_it_stopped(number, train, monkeypatch):
    judged, before = recipes.validation_score, signal.getsignal(number)

    def press(*args, **options):
        signal.raise_signal(number)
        return judged(*args, **options)

    run = tiny(train_steps=8, train_validate_every=3)
    with monkeypatch.context() as patch:
        patch.setattr(recipes, "validation_score", press)
        with pytest.raises(TrainingStopped, match="stopped at step 3 of 8") as stopped:
            train(run, "cut", quiet=True)
    assert stopped.value.exit_code == 128 + number
    assert signal.getsignal(number) is before
    assert checkpoint.read_tensors(Path("cut/last.safetensors"))[1]["step"] == 3
    train(run, "cut", quiet=True, resume=True)
    train(run, "whole", quiet=True)
    assert_same(weights_of("cut/last.safetensors"), weights_of("whole/last.safetensors"))


def test_checkpoints_come_by_time_too(train, monkeypatch):
    saved, save = [], Training.save
    monkeypatch.setattr(
        Training, "save", lambda self, *args: saved.append(self.step) or save(self, *args)
    )
    train(tiny(train_validate_every=4, train_save_minutes=1e-9), "out", quiet=True)
    assert saved == [1, 2, 3, 4]
    saved.clear()
    train(tiny(train_validate_every=4), "seldom", quiet=True)
    assert saved == [4]


def test_resume_auto_goes_on_where_there_is_something(train):
    for steps in (4, 4):
        assert train(tiny(train_steps=steps), "out", quiet=True, resume="auto").steps == 4


def test_of_equally_good_weights_the_last_are_kept(train, monkeypatch):
    judge = recipes.OcclusionRecipe.validate
    monkeypatch.setattr(recipes.OcclusionRecipe, "validate", lambda r: judge(r) | {"score": 0.5})
    train(tiny(), "out", quiet=True)
    assert load("out").metadata["step"] == 4


def test_pressing_again_ends_at_once_and_leaves_the_last_checkpoint(train, monkeypatch):
    """Validation takes a while; whoever cannot wait loses the steps since the last save."""
    run = tiny(train_steps=8, train_validate_every=3)
    judged, looks = recipes.validation_score, []

    def judge_once(*args, **options):
        looks.append(args)
        if len(looks) == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return judged(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recipes, "validation_score", judge_once)
        with pytest.raises(KeyboardInterrupt):
            train(run, "cut", quiet=True)
    assert checkpoint.read_tensors(Path("cut/last.safetensors"))[1]["step"] == 3
    train(run, "cut", quiet=True, resume=True)
    train(run, "whole", quiet=True)
    assert_same(weights_of("cut/last.safetensors"), weights_of("whole/last.safetensors"))


def test_a_training_without_kernels_says_so_once(train, capsys, monkeypatch):
    monkeypatch.setattr(trainer, "library", lambda: None)
    train(tiny(train_steps=1), "out")
    assert capsys.readouterr().err.count("the kernels were not built") == 1


def test_the_memoryless_get_their_latch_at_the_end(train, capsys):
    trained = train(tiny("permanence_none"), "out")
    assert -40 <= trained.metadata["latch_threshold"] <= 12
    assert trained.latch().model is trained.model
    assert "latch: holds above" in capsys.readouterr().out


def test_a_latch_that_was_not_tuned_is_tuned_on_resume(train, monkeypatch):
    """An interrupt after the last step, while the threshold is sought, must not lose it."""

    def interrupt(*args, **options):
        raise KeyboardInterrupt

    run = tiny("permanence_none", train_steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(recipes, "tune_latch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(run, "out", quiet=True)
    train(run, "out", resume=True, quiet=True)
    assert "latch_threshold" in load("out").metadata


def test_the_same_seed_trains_the_same_and_another_does_not(train):
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(tiny(train_seed=seed, train_steps=2), out, quiet=True)
    a, b, c = (weights_of(f"{out}/last.safetensors") for out in "abc")
    assert_same(a, b)
    assert not torch.equal(a["model.heads.hidden.weight"], c["model.heads.hidden.weight"])


def test_a_training_is_not_overwritten(train):
    train(tiny(train_steps=1), "out", quiet=True)
    with pytest.raises(UserError, match=r"out holds a training: --resume goes on"):
        train(tiny(train_steps=1), "out", quiet=True)


@pytest.mark.parametrize("damage", ["cut", "turned", "gone"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_gone_on_from(damage, train, capsys):
    run = tiny(train_steps=8)
    train(run, "whole", quiet=True)
    train(run, "out", quiet=True)
    last = Path("out/last.safetensors")
    assert checkpoint.read_tensors(Path("out/earlier.safetensors"))[1]["step"] == 6
    if damage == "gone":
        last.unlink()
    else:
        spoil(last, damage)
    assert saved_run("out") == run
    train(run, "out", resume=True)
    names = {"cut": "is cut", "turned": "is damaged", "gone": "no checkpoint at"}[damage]
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "goes on from" in line]
    assert names in line
    assert line.endswith("goes on from out/earlier.safetensors")
    for name in ("last", "best"):
        file = f"{name}.safetensors"
        assert_same(weights_of(f"out/{file}"), weights_of(f"whole/{file}"))
    assert checkpoint.read_tensors(Path("out/earlier.safetensors"))[1]["step"] == 6


def test_where_both_are_damaged_nothing_is_gone_on_from(train):
    train(tiny(), "out", quiet=True)
    for path in Path("out").glob("*er.safetensors"), Path("out").glob("last*"):
        spoil(next(path), "turned")
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    with pytest.raises(UserError, match=r"earlier\.safetensors is damaged"):
        train(tiny(), "out", quiet=True, resume=True)
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


def spoil(path, how):
    """Cut a file, or turn a bit in the middle of its numbers."""
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data[:-100] if how == "cut" else data)


def test_without_hard_links_the_earlier_checkpoint_is_a_copy(train, monkeypatch):
    def link(*args, **options):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    train(tiny(), "out", quiet=True)
    assert checkpoint.read_tensors(Path("out/earlier.safetensors"))[1]["step"] == 3
    assert checkpoint.read_tensors(Path("out/last.safetensors"))[1]["step"] == 4


def test_a_step_without_a_finite_gradient_stops_or_is_left_out(train, monkeypatch, capsys):
    monkeypatch.setattr(recipes, "BeliefObjective", InfiniteOnce)
    with pytest.raises(UserError, match=r"gradient not finite at step 2.*--on-nan skip"):
        train(tiny(), "out", quiet=True)
    train(tiny(), "skips", on_nan="skip")
    line = next(line for line in capsys.readouterr().err.splitlines() if "not finite" in line)
    assert line.startswith("gradient not finite at step 2 in ")
    assert line.endswith("the step is left out")
    history = json.loads(Path("skips/history.json").read_text())["history"]
    assert [entry["loss"] is None for entry in history] == [True, False]
    with pytest.raises(UserError, match="on_nan must be stop or skip, got 'go'"):
        train(tiny(), "else", on_nan="go")


class InfiniteOnce(BeliefObjective):
    """Its third loss is infinite."""

    def loss(self, belief, batch):
        taken = vars(self).setdefault("taken", [])
        taken.append(1)
        loss = super().loss(belief, batch)
        return loss if len(taken) != 3 else type(loss)(*(part * torch.inf for part in loss))


def test_a_finished_training_is_only_reported_when_resumed(train, capsys):
    train(tiny(), "out")
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    capsys.readouterr()
    train(tiny(), "out", resume=True)
    assert "out is trained: 4 of 4 steps" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"train_rate": 0.001}, r"train.rate is 0.003 there, 0.001 here"),
        ({"model_width": 16}, r"model.width is 8 there, 16 here"),
        ({"data_hidden": "[4, 5]"}, r"data.hidden is \[3, 6\] there, \[4, 5\] here"),
    ],
    ids=str,
)
def test_resuming_another_run_names_the_difference(change, names, train):
    train(tiny(train_steps=1), "out", quiet=True)
    with pytest.raises(UserError, match=f"belongs to a run with other settings: {names}"):
        train(tiny(**{"train_steps": 1} | change), "out", resume=True, quiet=True)


def test_a_folder_tells_the_run_that_it_holds(train):
    run = tiny(train_steps=1, train_rate=0.002)
    train(run, "out", quiet=True)
    assert saved_run("out") == run
    assert saved_run("out", ["train.rate=0.002", "model.width=8"]) == run
    with pytest.raises(UserError, match=r"train.rate is 0.002 there, 0.003 here"):
        saved_run("out", ["train.rate=0.003"])
    with pytest.raises(UserError, match=r"unknown setting 'train.rata'; did you mean 'rate'"):
        saved_run("out", ["train.rata=0.003"])
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at none/last.safetensors"):
        saved_run("none")


def test_a_device_that_is_not_here_is_refused_before_anything_is_written(train):
    with pytest.raises(UserError, match=r"device 'cuda:99' is not here; choose from cpu"):
        train(tiny(), "out", device="cuda:99")
    assert not Path("out").exists()


def test_a_summary_lists_the_parts_and_their_sum():
    model = NeuroSVT()
    *parts, total = [line.split() for line in trainer.summary(model).splitlines()]
    assert {"embed", "positions", "blocks", "memory", "heads"} <= {name for name, _ in parts}
    numbers = [int(number.replace(",", "")) for _, number in parts]
    assert total == ["total", f"{sum(numbers):,}"] == ["total", f"{model.parameter_count():,}"]


def test_a_training_may_start_from_what_another_learnt(train):
    train(tiny(), "first", quiet=True)
    settings = {"train_start": "first", "train_steps": 1, "train_rate": 1e-9}
    train(tiny(**settings), "second", quiet=True)
    first, second = (weights_of(f"{name}/best.safetensors") for name in ("first", "second"))
    name = "heads.answer.weight"
    torch.testing.assert_close(second[name], first[name], atol=1e-6, rtol=0)
    assert [load(name).steps for name in ("first", "second")] == [4, 5]
    assert load("second/last.safetensors").steps == 5
    with pytest.raises(UserError, match="first does not fit"):
        train(tiny(train_start="first", model_width=16), "third", quiet=True)


def test_a_training_may_keep_a_share_of_what_it_started_from(train):
    train(tiny(), "first", quiet=True)
    settings = {"train_start": "first", "train_steps": 1, "train_rate": 1e-2}
    train(tiny(**settings), "apart", quiet=True)
    trained = train(tiny(**settings, train_kept_start=0.25), "mixed", quiet=True)
    first, apart, mixed = (
        weights_of(f"{name}/best.safetensors") for name in ("first", "apart", "mixed")
    )
    for name in ("heads.answer.weight", "embed.project.weight"):
        assert not torch.equal(first[name], apart[name])
        mean = 0.75 * apart[name] + 0.25 * first[name]
        torch.testing.assert_close(mixed[name], mean, atol=1e-6, rtol=0)
    found = trained.model.state_dict()["heads.answer.weight"]
    torch.testing.assert_close(found, mixed["heads.answer.weight"])
    with pytest.raises(UserError, match="kept_start is a share of the weights of start"):
        tiny(train_kept_start=0.25)


def test_a_training_may_take_the_front_end_of_another(train):
    train(tiny(), "first", quiet=True)
    settings = {"train_front_end": "first", "train_steps": 1, "train_rate": 1e-9}
    train(tiny(**settings, **{"model_readout.width": 24}), "second", quiet=True)
    first, second = (weights_of(f"{name}/best.safetensors") for name in ("first", "second"))
    name = "embed.project.weight"
    torch.testing.assert_close(second[name], first[name], atol=1e-6, rtol=0)
    assert second["heads.answer.weight"].shape != first["heads.answer.weight"].shape
    assert load("second").steps == 1, "what is behind it has learnt nothing before"
    with pytest.raises(UserError, match="first does not fit"):
        train(tiny(train_front_end="first", model_width=16), "third", quiet=True)
    with pytest.raises(UserError, match="only one can be named"):
        tiny(train_front_end="first", train_start="first")


def test_data_that_nothing_is_known_of_has_no_recipe(monkeypatch):
    run = tiny()
    monkeypatch.delitem(recipes.RECIPES, type(run.data))
    with pytest.raises(UserError, match="no recipe for data of kind OcclusionConfig"):
        recipes.recipe_of(run, "auto", torch.device("cpu"))


def test_a_recipe_of_ones_own_is_taken_for_its_data(monkeypatch):
    class Mine(recipes.OcclusionRecipe):
        pass

    run = tiny()
    monkeypatch.setitem(recipes.RECIPES, type(run.data), Mine)
    assert isinstance(recipes.recipe_of(run, "auto", torch.device("cpu")), Mine)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [FIRST, "permanence_lif", "permanence_twin"])
def test_a_model_learns_on_a_gpu_what_it_learns_on_the_cpu(train, name):
    losses = []
    for device in ("cpu", "cuda"):
        train(tiny(name, train_amp="false", train_state_noise=0), device, device=device)
        losses.append(json.loads(Path(f"{device}/history.json").read_text())["history"][0]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
