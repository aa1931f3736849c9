"""A step of many parts, in one process or in two, is the step of one batch."""

import dataclasses
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurosvt.loaders.clips import ClipBatch
from neurosvt.loaders.images import ImageBatch
from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.training.clips import ClipObjective
from neurosvt.training.images import ImageObjective
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective
from neurosvt.training.settings import TrainConfig
from tests.processes import in_processes, needs_fork

TRACKS = LeakyMemoryConfig(channels=8, write_gates=4, tracks=2, forget_range=(0.05, 0.5))
MEMORIES = {
    "leaky": (LeakyMemoryConfig(channels=8), ReadoutConfig(width=8)),
    "tracks": (TRACKS, ReadoutConfig(width=8, choice=4)),
}


def scenes(count, silent=()):
    """Batches of five sequences, one of which never shows what is asked for; in the silent ones
    nothing is seen."""
    config = OcclusionConfig(tiers=("blackout", "empty"), seen=(6, 8), hidden=(5, 8), after=2)
    stream = SceneStream(config, 5, 1000, 0, size=32)
    return [
        batch._replace(frames=torch.zeros_like(batch.frames)) if i in silent else batch
        for i, batch in enumerate(stream[i] for i in range(count))
    ]


def follower(memory="leaky", dtype=torch.double):
    torch.manual_seed(0)
    kind, readout = MEMORIES[memory]
    return NeuroSVT(
        NeuroSVTConfig(
            image_size=32, patch_size=8, kernel_size=8, width=8, heads=2, depth=1,
            readout=readout, memory=kind,
        )
    ).to(dtype)  # fmt: skip


def learnt(model, batches, objective=None, steps=20, **settings):
    """Weights and statistics after these batches, the gradient of the first, and all losses."""
    config = TrainConfig(steps=steps, batch=2, amp=False, **settings)
    training, records, first = Training(model, config), [], {}

    def look(record):
        records.append(torch.stack(list(record.loss)).double())
        if not first:
            first.update({name: p.grad for name, p in model.named_parameters()})

    fit(training, batches, objective or BeliefObjective(), look)
    return model.state_dict(), first, torch.stack(records)


def assert_alike(found, expected, **tolerance):
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one, two, **tolerance)


def shares(batches, rank, of=2):
    return [batch.part(rank, of) for batch in batches]


class TestProcesses:
    pytestmark = needs_fork

    @pytest.mark.parametrize("memory", MEMORIES)
    def test_twenty_steps_of_two_are_those_of_one(self, memory, tmp_path):
        """Whole batches of silence among them: what nobody has a gradient of is not moved."""
        batches = scenes(20, silent={0, 7})
        one, two = in_processes(
            tmp_path, lambda rank: learnt(follower(memory), shares(batches, rank))
        )
        assert_alike(one, two, rtol=0, atol=0)
        assert one[1]["embed.project.weight"] is None
        assert_alike(one, learnt(follower(memory), batches), rtol=1e-6, atol=1e-9)

    @pytest.mark.parametrize("memory", MEMORIES)
    @pytest.mark.parametrize("dtype", [torch.double, torch.float], ids=["PyTorch", "kernels"])
    def test_one_that_sees_nothing_while_the_other_does(self, memory, dtype, tmp_path):
        batches = scenes(4)
        for batch in batches:
            batch.frames[:, 1::2] = False
        batches[2].frames.zero_()[:, 1] = True
        one, two = in_processes(
            tmp_path, lambda rank: learnt(follower(memory, dtype), shares(batches, rank))
        )
        assert_alike(one, two, rtol=0, atol=0)
        whole = learnt(follower(memory, dtype), batches)
        torch.testing.assert_close(one[1], whole[1], rtol=1e-3, atol=1e-5)
        if dtype == torch.double:
            assert_alike(one, whole, rtol=1e-6, atol=1e-9)

    def test_kernels_find_the_first_gradient_of_the_whole_batch(self, tmp_path):
        batches = scenes(1)
        one, _ = in_processes(
            tmp_path,
            lambda rank: learnt(follower("tracks", torch.float), shares(batches, rank)),
        )
        whole = learnt(follower("tracks", torch.float), batches)
        torch.testing.assert_close(one[1], whole[1], rtol=1e-3, atol=1e-5)

    def test_three_processes_learn_from_images_as_one_does(self, tmp_path):
        torch.manual_seed(0)
        label = torch.arange(7) % 4
        batches = [
            ImageBatch(torch.randn(7, 3, 32, 32), label, label.flip(0), 0.7).part(0, 1)
            for _ in range(3)
        ]

        def model():
            torch.manual_seed(0)
            return DySViT(config=DySViTConfig(classes=4, width=16, depth=1, heads=2, patch_size=8))

        found = in_processes(
            tmp_path, lambda rank: learnt(model(), shares(batches, rank, 3), ImageObjective()), 3
        )
        whole = learnt(model(), batches, ImageObjective())
        torch.testing.assert_close(found[2][1], whole[1], rtol=1e-3, atol=1e-5)
        assert_alike(found[0], found[2], rtol=0, atol=0)

    def test_a_gradient_that_overflows_in_one_is_left_out_in_both(self, tmp_path):
        def run(rank):
            batches = [torch.full((2, 3), 1e30 if rank and i == 1 else 1.0) for i in range(3)]
            training = Training(nn.Linear(3, 1), TrainConfig(steps=3, batch=2, amp=False))
            training.scale.factor = 2.0**30
            nn.init.ones_(training.model.weight)
            nn.init.ones_(training.model.bias)
            before = []
            fit(training, batches, Squares(), lambda _: before.append(training.scale.factor))
            return before, training.model.weight.detach()

        (one, weight_one), (two, weight_two) = in_processes(tmp_path, run)
        assert one == two == [2.0**30, 2.0**29, 2.0**29]
        assert torch.equal(weight_one, weight_two)


class Loss(NamedTuple):
    square: Tensor


class Squares:
    """Of all outputs, a mean: an objective that weighs nothing."""

    def answer(self, model, batch):
        return model(batch)

    def loss(self, answer, batch):
        return Loss(answer.square().mean())


def test_passes_without_norms_are_one_batch():
    """All batches count alike where nothing is said of them."""
    x = torch.randn(12, 3, dtype=torch.double)

    def model():
        torch.manual_seed(0)
        return nn.Linear(3, 2).double()

    whole = learnt(model(), x.split(6), Squares())
    parts = learnt(model(), x.split(2), Squares(), accumulate=3)
    assert_alike(parts, whole)


def test_passes_count_by_what_is_asked_in_them():
    """Sequences of which nothing is asked take no part; norms are in eval mode, and see none."""
    batches = scenes(3)
    parts = [part for batch in batches for part in (batch.part(0, 2), batch.part(1, 2))]

    def frozen():
        model = follower()
        for name, module in model.named_modules():
            if name.endswith("norm"):
                module.eval()
        return model

    whole = learnt(frozen(), batches)
    assert_alike(learnt(frozen(), parts, accumulate=2), whole, rtol=1e-6, atol=1e-9)


def test_a_last_step_is_of_the_passes_that_are_left():
    x = torch.randn(6, 3)
    _, _, losses = learnt(nn.Linear(3, 2), x.split(2), Squares(), accumulate=2)
    assert len(losses) == 2


def test_parts_of_a_batch_are_all_of_it():
    frames, label = torch.rand(4, 5, 2, 8, 8) < 0.5, torch.arange(5)
    clips = ClipBatch(frames, label)
    parts = [clips.part(at, 3) for at in range(3)]
    assert [part.label.tolist() for part in parts] == [[0, 3], [1, 4], [2]]
    assert torch.equal(parts[1].frames, frames[:, [1, 4]])
    images = ImageBatch(torch.rand(5, 3, 8, 8), label, label.flip(0), 0.3)
    assert images.part(2, 3).label.tolist() == [2]
    assert images.part(2, 3).share == 0.3
    (scene,) = scenes(1)
    assert torch.equal(scene.part(1, 2).position, scene.position[:, 1::2])
    assert scene.part(1, 2).frame_ms == scene.frame_ms


def test_clips_without_a_label_are_not_counted():
    clips = ClipBatch(torch.zeros(4, 3, 2, 8, 8, dtype=torch.bool), torch.tensor([1, -100, 2]))
    assert [int(n) for n in ClipObjective().weigh(clips)] == [2]


def test_there_is_at_least_one_pass():
    with pytest.raises(ValueError, match="accumulate must be at least 1"):
        dataclasses.replace(TrainConfig(), accumulate=0)
