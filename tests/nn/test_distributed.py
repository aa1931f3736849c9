"""Batches without events, in training that several processes share."""

import os

import pytest
import torch
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.distributed import tied
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig

SMALL = NeuroSVTConfig(
    image_size=16, patch_size=4, kernel_size=8, width=8, heads=2, depth=1,
    readout=ReadoutConfig(width=8), memory=LeakyMemoryConfig(channels=8),
)  # fmt: skip


def gradients(model, silent, steps=3):
    """Of every parameter after each step; in the silent steps nothing is seen."""
    found = []
    for step in range(steps):
        frames = torch.rand((4, 2, 2, 16, 16), generator=torch.Generator().manual_seed(step)) < (
            0.0 if step in silent else 0.2
        )
        model.zero_grad()
        model(frames)[0].class_logits.square().sum().backward()
        found.append({n.removeprefix("module."): p.grad for n, p in model.named_parameters()})
    return found


@pytest.fixture
def group(tmp_path):
    """A group of this process alone."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


def test_nothing_is_tied_in_one_process():
    x = torch.ones(3, requires_grad=True)
    assert tied(x, NeuroSVT(SMALL).parameters()) is x


def test_a_silent_batch_stops_no_shared_training_and_changes_no_gradient(group):
    torch.manual_seed(0)
    shared = gradients(DistributedDataParallel(NeuroSVT(SMALL)), silent={1})
    assert not shared[1]["embed.project.weight"].any()
    assert shared[1]["heads.answer.bias"].any()
    torch.manual_seed(0)
    alone = gradients(NeuroSVT(SMALL), silent={1})
    assert shared[2]["embed.project.weight"].any()
    for step in (0, 2):
        assert all(torch.equal(grad, alone[step][name]) for name, grad in shared[step].items())


def test_what_is_tied_stays_the_same_to_the_bit_and_costs_nothing_without_gradients(group):
    x, model = torch.randn(3, requires_grad=True), NeuroSVT(SMALL)
    assert torch.equal(tied(x, model.parameters()), x)
    with torch.no_grad():
        assert tied(x, model.parameters()) is x


def _half_of_two(rank, store, out):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    torch.manual_seed(0)
    model = DistributedDataParallel(NeuroSVT(SMALL))
    found = gradients(model, silent={0, 1} if rank else {1, 2})
    torch.save(found, f"{out}{rank}")
    distributed.destroy_process_group()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_that_are_silent_by_turns_learn_the_mean(tmp_path):
    """Half of what the one that saw something learnt; both hold the same."""
    # Forked, because a process that starts anew imports for longer than all of this takes.
    multiprocessing.start_processes(
        _half_of_two, (tmp_path / "store", tmp_path / "rank"), nprocs=2, start_method="fork"
    )
    one, two = (torch.load(tmp_path / f"rank{i}", weights_only=True) for i in range(2))
    torch.manual_seed(0)
    alone = gradients(NeuroSVT(SMALL), silent={1, 2})[0]["embed.project.weight"]
    torch.testing.assert_close(one[0]["embed.project.weight"], alone / 2)
    for mine, theirs in zip(one, two, strict=True):
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert one[2]["embed.project.weight"].any()
