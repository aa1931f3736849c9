"""On a real card, with CuPy: `pytest -m gpu`. The kernels against the definitions there, without a
wait; whole models against the CPU; training that goes on where it stopped."""

import copy

import pytest
import torch

from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.ops import gpu
from neurosvt.ops.batchnorm_spike import batchnorm_spike
from neurosvt.ops.gated_memory import gated_memory
from neurosvt.ops.lif import lif
from neurosvt.ops.scale import scale_by_rms
from neurosvt.ops.tracks import fitted_tracks
from neurosvt.training.loop import Training, fit
from neurosvt.training.losses import BeliefObjective
from neurosvt.training.settings import TrainConfig
from tests.conftest import SMALL
from tests.native.pretend import OnPretendedGpu
from tests.native.test_cuda_kernels import ROUGH, agree, both, leaky_memory_

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(gpu.why_not() is not None, reason=f"no CUDA kernels: {gpu.why_not()}"),
]
OPS = {
    "lif": lambda dtype: (
        lambda c, v, d, backend: lif(c, v, decay=d, backend=backend),
        (2 * torch.randn(33, 3, 70)).to(dtype), torch.rand(3, 70), torch.rand(70),
    ),
    "scale": lambda dtype: (
        lambda x, g, backend: scale_by_rms(x, g, 1e-5, backend),
        torch.randn(300, 70).to(dtype), torch.rand(70),
    ),
    "batch norm": lambda dtype: (
        lambda x, w, b, k, backend: batchnorm_spike(x, w, b, k, backend=backend),
        torch.randn(300, 70).to(dtype), torch.rand(70), torch.rand(70), 1 + torch.rand(300, 1),
    ),
    "memory": lambda dtype: (
        leaky_memory_,
        torch.randn(40, 3, 70), torch.rand(40, 3, 70).round(), torch.randn(3, 70), torch.rand(70),
    ),
    "gated": lambda dtype: (
        lambda d, g, w, v, k, look, backend: gated_memory(d, g, w, v, k, look, None, backend),
        torch.randn(40, 3, 72), torch.rand(40, 3, 72).round(), torch.randn(40, 3, 4),
        torch.randn(3, 72), torch.rand(72), 0.1 * torch.randn(72, 4),
    ),
    "tracks": lambda dtype: (
        lambda p, w, o, e, s, f, r, backend: fitted_tracks(
            p, w, o, e, s, f, r, 0.03, None, backend
        ),
        torch.randn(30, 3, 5, 2), torch.rand(30, 3, 5), torch.rand(30, 3, 5).round(),
        torch.rand(30, 3, 5).round(), torch.rand(3, 5, 8), torch.rand(5), 0.1 + torch.rand(5),
    ),
}  # fmt: skip


@pytest.fixture
def no_waiting():
    """no_waiting(): from now on, to wait for the device is an error."""
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", ROUGH, ids=str)
@pytest.mark.parametrize("stream", ["default", "own"])
def test_kernels_agree_with_the_definition(name, dtype, stream):
    op, *inputs = OPS[name](dtype)
    with torch.cuda.stream(torch.cuda.Stream() if stream == "own" else None):
        found = both(op, *(x.cuda() for x in inputs))
    torch.cuda.synchronize()
    agree(found, max(ROUGH[dtype], 2e-3))


@pytest.mark.parametrize("name", OPS)
def test_kernels_wait_for_nothing(name, no_waiting):
    op, *inputs = OPS[name](torch.float32)
    leaves = [x.cuda().requires_grad_() for x in inputs]
    op(*leaves, backend="cupy")  # compiled, sizes sent
    no_waiting()
    out = op(*leaves, backend="cupy")
    first = out[0] if isinstance(out, tuple) else out
    torch.autograd.grad(first, leaves[0], torch.ones_like(first))


@pytest.mark.parametrize("training", [True, False])
def test_a_model_stays_on_the_device_and_says_what_it_says_on_the_cpu(training, make, events):
    model, frames = copy.deepcopy(make("leaky")).train(training), events(batch=3)
    here = copy.deepcopy(model)
    there = copy.deepcopy(model).cuda()
    expected, _ = here(frames)
    on_device = frames.cuda()
    with OnPretendedGpu(on_device, *there.parameters(), *there.buffers()) as watched:
        found, _ = there(on_device)
        found.class_logits.square().sum().backward()
    assert all(len(shape) <= 1 for _, shape in watched.reads), watched.reads
    expected.class_logits.square().sum().backward()
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one.cpu(), two, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("amp", [False, "float16"])
def test_training_goes_on_where_it_stopped(amp, tmp_path):
    settings = SMALL | {"image_size": 32, "patch_size": 8}
    stream = SceneStream(OcclusionConfig(seen=(6, 8), hidden=(5, 8), after=2), 2, 9, 0, size=32)
    batches = [stream[i] for i in range(6)]

    def begin():
        torch.manual_seed(0)
        model = NeuroSVT(NeuroSVTConfig(**settings | {"classes": 8})).cuda()
        return Training(model, TrainConfig(steps=6, batch=2, amp=amp))

    whole, first, second = begin(), begin(), begin()
    torch.cuda.manual_seed(7)
    fit(whole, batches, BeliefObjective(0.01))
    torch.cuda.manual_seed(7)
    fit(first, batches[:3], BeliefObjective(0.01))
    first.save(tmp_path / "last.safetensors", {})
    torch.cuda.manual_seed(99)
    second.restore(tmp_path / "last.safetensors")
    fit(second, batches[3:], BeliefObjective(0.01))
    assert second.scale == whole.scale
    for name, t in second.model.state_dict().items():
        torch.testing.assert_close(t, whole.model.state_dict()[name], rtol=1e-5, atol=1e-6)
