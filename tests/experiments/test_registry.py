from dataclasses import fields, replace

import pytest

from neurosvt.config import ConfigError, UserError, as_plain, build
from neurosvt.experiments import registry
from neurosvt.experiments.checkpoints import sibling
from neurosvt.experiments.registry import PRESETS, ImageRun, Run, build_run, run_named
from neurosvt.loaders.occlusions import NMNISTStream, SceneStream
from neurosvt.models.neurosvt import NeuroSVT, NeuroSVTConfig
from neurosvt.permanence.tasks import NMNISTTask, SceneTask
from neurosvt.train.loop import TrainConfig

TINY = Run(
    model=NeuroSVTConfig(
        image_size=32, kernel_size=8, width=8, heads=2, depth=1, memory_channels=8, head_width=8
    ),
    train=TrainConfig(steps=4, batch=2),
)
EVENTS = [name for name, run in PRESETS.items() if isinstance(run, Run)]
FAMILIES = sorted(name for name in PRESETS if f"{name}_lif" in PRESETS)


@pytest.mark.parametrize("name", EVENTS)
def test_every_preset_of_events_builds_its_model_and_its_exams(name):
    run = run_named(name)
    assert run is PRESETS[name]
    assert NeuroSVT(run.model).config == run.model
    for split in ("validation", "test"):
        task = run.task(split, seed=3)
        assert (task.split, task.seed) == (split, 3)
        assert len(task.classes) == run.model.classes
        assert task.scene.size == run.model.image_size
        assert task.scene.frame_us == run.model.frame_ms * 1000


@pytest.mark.parametrize("name", [*registry.FAMILY, *registry.RECURRENT, *registry.DENSE])
def test_a_member_of_the_family_is_known_again_and_learns_from_the_same(name):
    own, run = PRESETS["permanence_first"], PRESETS[f"permanence_{name}"]
    assert registry.member(run) == name
    assert registry.member(own) == "leaky"
    assert run.data == own.data
    assert replace(run.train, rate=registry.BRIEF.rate) == registry.BRIEF
    assert build_run(as_plain(run)) == run


def test_there_is_a_family_for_scenes_and_one_for_recordings():
    assert FAMILIES == ["nmnist", "permanence"]
    assert isinstance(PRESETS["permanence"].task("test"), SceneTask)
    assert isinstance(PRESETS["nmnist"].task("test"), NMNISTTask)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("memory", ["lif", "none"])
def test_a_family_differs_in_its_memory_and_in_how_long_it_learns_alone(family, memory):
    ours = PRESETS.get(f"{family}_first", PRESETS[family])
    theirs = PRESETS[sibling(family, memory)]
    assert ours.model.memory == "leaky"
    assert theirs.model.memory == memory
    leaky = replace(theirs.model, memory="leaky")
    assert replace(theirs, model=leaky, train=ours.train) == ours


def test_the_lif_of_a_family_is_the_original_one():
    assert all(PRESETS[f"{family}_lif"].model.tau_memory == 2.0 for family in FAMILIES)


@pytest.mark.parametrize("name", PRESETS)
def test_a_run_is_plain_data_and_comes_back_from_it(name):
    plain = as_plain(PRESETS[name])
    assert set(plain) == {"model", "data", "train"} == {f.name for f in fields(PRESETS[name])}
    assert build_run(plain) == PRESETS[name]


def test_a_run_makes_the_batches_that_it_describes(monkeypatch):
    stream = TINY.stream()
    assert isinstance(stream, SceneStream)
    assert (len(stream), stream.batch, stream.seed, stream.scene.size) == (4, 2, 0, 32)
    read = []
    monkeypatch.setattr("neurosvt.loaders.occlusions.load_nmnist", read.append)
    assert isinstance(PRESETS["nmnist"].stream(), NMNISTStream)
    assert read == ["train"]


@pytest.mark.parametrize(
    ("dataset", "classes", "right"), [("scenes", 10, 8), ("nmnist", 8, 10)], ids=str
)
def test_classes_that_do_not_fit_the_data_are_refused(dataset, classes, right):
    values = {"model": {"classes": classes}, "data": {"dataset": dataset}}
    with pytest.raises(ConfigError, match=f"model.classes is {classes}, {dataset} has {right}"):
        build(Run, values)


@pytest.mark.parametrize(
    "values",
    [
        {"model": {"image_size": 30, "patch_size": 6, "kernel_size": 6}},  # no room for an object
        {"model": {"image_size": 32, "classes": 10}, "data": {"dataset": "nmnist"}},  # 34 needed
        {"model": {"heads": 0}},
        {"model": {"patch_size": 0}},
        {"model": {"width": 0}},
        {"model": {"memory_channels": 0}},
        {"model": {"memory_tau": [0.5, 3.0]}},
        {"model": {"memory_tau": [30.0, 3.0]}},
        {"model": {"mlp_ratio": 0.0}},
        {"model": {"head_width": 0}},
    ],
    ids=str,
)
def test_a_shape_that_cannot_be_is_refused_when_it_is_described(values):
    with pytest.raises(ConfigError) as error:
        build(Run, values)
    assert "\n" not in str(error.value)


def test_a_file_describes_a_run(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[model]\nmemory = "none"\n[data]\nhidden = [5, 9]\n[train]\nsteps = 7\n')
    run = run_named(str(file))
    assert (run.model.memory, run.data.hidden, run.train.steps) == ("none", (5, 9), 7)
    assert replace(run, model=NeuroSVTConfig(), data=Run().data, train=TrainConfig()) == Run()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model]\nwidht = 3\n", "unknown setting 'model.widht'; did you mean 'width'"),
        ("[train]\nsteps = 0\n", "train: steps must be at least 1"),
        ("[model\n", "is not valid TOML"),
        ("[model]\nclasses = 5\n", "model.classes is 5"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path, text, message):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        run_named(str(file))
    assert "\n" not in str(error.value)


def test_a_name_that_is_none_lists_those_there_are():
    with pytest.raises(UserError, match=r"no run 'permanense'; choose from permanence, "):
        run_named("permanense")
    with pytest.raises(FileNotFoundError):
        run_named("none.toml")


def test_the_data_set_says_what_kind_of_run_it_is(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[data]\ndataset = "cifar10"\n[model]\nslope = 2.0\n')
    run = run_named(str(file))
    assert isinstance(run, ImageRun)
    assert run.model.slope == 2.0
    with pytest.raises(ConfigError, match=r"unknown setting 'model\.memory'"):
        build_run({"data": {"dataset": "cifar10"}, "model": {"memory": "lif"}})
    with pytest.raises(ConfigError, match="cifar10 has 10 and 32"):
        build_run({"data": {"dataset": "cifar10"}, "model": {"image_size": 64}})


# Models
