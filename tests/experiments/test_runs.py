"""One kind of run, whatever is learnt from."""

import pytest

from neurosvt.config import ConfigError, UserError
from neurosvt.experiments.models import MODELS, ModelKind
from neurosvt.experiments.registry import load_run, run_files
from neurosvt.experiments.runs import Run, build_run
from neurosvt.loaders.occlusions import SceneStream
from neurosvt.models.dysvit import DySViT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.permanence.tasks import NMNISTTask, SceneTask
from neurosvt.sides import Sides
from neurosvt.training.settings import TrainConfig

HIDING = [name for name in run_files() if load_run(name).hides]


@pytest.mark.parametrize("name", HIDING)
def test_a_run_whose_objects_hide_knows_what_it_is_judged_on(name):
    run = load_run(name)
    for split in ("validation", "test"):
        task = run.task(split, seed=3)
        assert (task.split, task.seed) == (split, 3)
        assert len(task.classes) == run.model.classes
        assert task.scene.fitting.onto == Sides.of(run.model.image_size)
        assert task.scene.frame_us == run.model.frame_ms * 1000
    with pytest.raises(UserError, match="`neurosvt permanence` judges"):
        run.samples("test")


def test_there_are_tasks_of_scenes_and_of_recordings():
    assert isinstance(load_run("permanence").task("test"), SceneTask)
    assert isinstance(load_run("nmnist").task("test"), NMNISTTask)


def test_a_run_makes_the_model_and_the_batches_that_it_describes():
    model = NeuroSVTConfig(image_size=32, kernel_size=8, width=8, heads=2, depth=1)
    run = Run(model=model, train=TrainConfig(steps=4, batch=2))
    stream = run.stream()
    assert isinstance(stream, SceneStream)
    assert (len(stream), stream.batch, stream.seed, stream.scene.size) == (4, 2, 0, 32)
    assert isinstance(run.network(), NeuroSVT)
    assert run.network().config is model


def test_the_data_set_says_what_is_learnt_from_and_the_kind_which_model():
    run = build_run({"data": {"dataset": "cifar10"}, "model": {"slope": 2.0}})
    assert isinstance(run.network(), DySViT)
    assert run.model.slope == 2.0
    assert not run.hides
    with pytest.raises(UserError, match="nothing hides in cifar10"):
        run.task("test")
    with pytest.raises(ConfigError, match=r"unknown setting 'model\.memory'"):
        build_run({"data": {"dataset": "cifar10"}, "model": {"memory": "lif"}})
    with pytest.raises(ConfigError, match="image_size is 64, cifar10 has 32"):
        build_run({"data": {"dataset": "cifar10"}, "model": {"image_size": 64}})


@pytest.mark.parametrize(
    ("dataset", "classes", "right"), [("scenes", 10, 8), ("nmnist", 8, 10)], ids=str
)
def test_classes_that_do_not_fit_the_data_are_refused(dataset, classes, right):
    values = {"model": {"classes": classes}, "data": {"dataset": dataset}}
    with pytest.raises(ConfigError, match=f"model.classes is {classes}, {dataset} has {right}"):
        build_run(values)


@pytest.mark.parametrize(
    "values",
    [
        {"model": {"image_size": 30, "patch_size": 6, "kernel_size": 6}},  # no room for an object
        {"model": {"image_size": 32, "classes": 10}, "data": {"dataset": "nmnist"}},  # 34 needed
        {"model": {"heads": 0}},
        {"model": {"memory": {"channels": 0}}},
        {"model": {"memory": {"tau_range": [30.0, 3.0]}}},
        {"model": {"readout": {"width": 0}}},
        {"data": {"dataset": "dvs128"}, "train": {"hidden_steps": False},
         "model": {"image_size": 128, "classes": 11}},
    ],
    ids=str,
)  # fmt: skip
def test_a_shape_that_cannot_be_is_refused_when_it_is_described(values):
    with pytest.raises(ConfigError) as error:
        build_run(values)
    assert "\n" not in str(error.value)


def test_a_word_stands_for_a_kind_as_it_is_by_default():
    assert build_run({"model": {"memory": "none"}}) == build_run(
        {"model": {"memory": {"kind": "none"}}}
    )


def test_a_kind_of_model_of_ones_own_is_built_by_its_name():
    MODELS["mine"] = ModelKind(NeuroSVTConfig, lambda cfg, backend: NeuroSVT(cfg, backend))
    try:
        with pytest.raises(ConfigError, match=r"model.kind must be one of 'neurosvt'; got 'mine'"):
            build_run({"model": {"kind": "mine"}})  # whose settings have to say so, too
    finally:
        del MODELS["mine"]
