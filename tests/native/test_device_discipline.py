"""Nothing of a forward or backward pass leaves the GPU: seen without one (pretend.py)."""

import copy
from collections import Counter

import pytest
import torch

from neurosvt.models.dysvit import DySViT
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.ops import buffers, native
from neurosvt.ops.lif import lif
from tests.native.pretend import OnPretendedGpu

GATED = LeakyMemoryConfig(
    channels=12, write_gates=4, looks_back=True, forget_range=(0.02, 0.3), tracks=2
)


@pytest.fixture
def as_on_a_gpu(shim, monkeypatch):
    """Ops with CUDA kernels take these, the others PyTorch: as on a GPU."""
    monkeypatch.setattr(native, "BUILT", False)

    def beside(shape, dtype):  # what `empty_like` makes for a tensor
        return torch.empty(*shape, dtype=dtype, device=torch.device("cpu"))

    monkeypatch.setattr(buffers, "empty", beside)
    return shim


def all_of(model):
    return [*model.parameters(), *model.buffers()]


@pytest.mark.parametrize("memory", ["leaky", GATED, "lif", "none"], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_a_neurosvt(as_on_a_gpu, memory, training, make, events):
    options = {"readout": ReadoutConfig(width=8, choice=4)} if memory is GATED else {}
    model = make(memory, **options)
    model = copy.deepcopy(model).train(training)
    frames = events(batch=3)
    with OnPretendedGpu(frames, *all_of(model)) as watched:
        belief, state = model(frames, state_noise=0.01)
        belief, state = model(frames, state)
        loss = belief.class_logits.square().mean() + belief.position.square().mean()
        loss.backward()
    # Sizes of what is laid out next are read, and nothing that anything is computed of.
    assert all(len(shape) <= 1 for _, shape in watched.reads), watched.reads
    assert {"lif_forward", "lif_backward"} <= as_on_a_gpu.started.keys()
    if memory is GATED:
        assert {"gated_backward", "tracks_backward"} <= as_on_a_gpu.started.keys()


@pytest.mark.parametrize("training", [True, False])
def test_a_dysvit(as_on_a_gpu, training):
    model = DySViT(dim=16, depth=1).train(training)
    images = torch.randn(3, 3, 32, 32)
    with OnPretendedGpu(images, *all_of(model)) as watched:
        model(images).square().mean().backward()
    assert {shape for _, shape in watched.reads} <= {()}  # its guard's, which GPUs do without
    assert as_on_a_gpu.started["batch_fire"]


def test_what_leaves_it_is_seen():
    x = torch.randn(4)
    for leave in (
        lambda: x.cpu(), lambda: x.to("cpu"), lambda: x + torch.ones(4),
        lambda: (2 * x).clone().cpu(), lambda: x[torch.tensor([1, 2])],
    ):  # fmt: skip
        with pytest.raises(AssertionError, match="CPU"), OnPretendedGpu(x):
            leave()
    with OnPretendedGpu(x) as watched:
        lif(x[None], decay=0.5)
        float(x.sum())
        torch.zeros(4, device=x.device) + x
    assert watched.reads == Counter({("__float__", ()): 1})
