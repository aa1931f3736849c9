"""Data sets of one's own, by name."""

import numpy as np
import pytest

from neurosvt.config import ConfigError, UserError, build
from neurosvt.datasets.clips import Clips
from neurosvt.loaders import (
    DATASETS,
    ClipConfig,
    ClipData,
    ClipStream,
    ImageConfig,
    OcclusionConfig,
    OcclusionData,
    OcclusionStream,
    find_dataset,
    load_clips,
)
from neurosvt.loaders.occlusion_batches import as_tensors
from neurosvt.scenes.scenes import make_scenes

SHIPPED = {
    "scenes": 8, "digits": 10, "nmnist": 10, "hidden_objects": 3, "pendulum": 2, "dvs128": 11,
    "dvs128_objects": 3, "cifar10": 10,
    "recordings": 0, "own_images": 0,  # whose folders tell them
}  # fmt: skip


class Cups(OcclusionStream):
    """Scenes of a data set that the package does not know."""

    def make(self, seed):
        return as_tensors(make_scenes("curtain", seed, self.batch, seen=4, hidden=3, after=0))


@pytest.fixture
def added():
    pixels = np.random.default_rng(0).random((12, 2, 64, 64)) < 0.1
    clips = Clips(np.packbits(pixels, -1), np.arange(0, 12, 3), 3, np.array([0, 1, 0, 1]), 64)
    DATASETS["cups"] = OcclusionData(("cup", "none"), Cups)
    DATASETS["waves"] = ClipData(
        ("left", "right"), lambda *asked: clips, side=64, other_side={0: 1, 1: 0}
    )
    yield clips
    del DATASETS["cups"], DATASETS["waves"]


def test_what_is_shipped_is_there_with_its_classes():
    assert {name: len(data.classes) for name, data in DATASETS.items()} == SHIPPED


def test_scenes_of_a_data_set_that_was_added_are_made_by_its_stream(added):
    config = OcclusionConfig(dataset="cups")
    stream = find_dataset(config.dataset, OcclusionData).stream(config, 3, 5, 0, 64, 10_000)
    assert len(stream) == 5
    assert stream[1][0].shape[1:] == (3, 2, 64, 64)


def test_clips_of_a_data_set_that_was_added_are_loaded_in_its_own_camera(added):
    config = ClipConfig(dataset="waves", frames=3, side=32, shift=0)
    clips = load_clips(config, "train", 10_000)
    assert clips.frames(0).shape == (3, 2, 32, 32)
    frames, label = ClipStream(clips, config, 4, 1, 0)[0]
    assert frames.shape == (3, 4, 2, 32, 32)
    assert set(label.tolist()) <= {0, 1}
    with pytest.raises(ValueError, match="side must divide the camera's 64, got 128"):
        ClipConfig(dataset="waves", side=128)


@pytest.mark.parametrize(
    ("config", "name", "message"),
    [
        (OcclusionConfig, "pendulums", "did you mean 'pendulum'"),
        (ClipConfig, "dvs12", "did you mean 'dvs128'"),
        (ImageConfig, "cifar", "did you mean 'cifar10'"),
        (ClipConfig, "cifar10", "holds images, not clips; choose from dvs128, dvs128_objects"),
        (ImageConfig, "scenes", "holds occlusions, not images; choose from cifar10"),
    ],
)
def test_a_data_set_that_will_not_do_is_answered_with_one_that_will(config, name, message):
    with pytest.raises(ConfigError, match=message):
        build(config, {"dataset": name})


def test_no_data_set_replaces_another():
    with pytest.raises(UserError, match="there is a data set 'scenes' already"):
        DATASETS["scenes"] = DATASETS["digits"]
