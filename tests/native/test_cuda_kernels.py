"""The kernels for GPUs against the definitions, lane after lane on the CPU (cuda_shim.py)."""

from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosvt.ops import gpu
from neurosvt.ops.batchnorm_spike import BatchStats, batchnorm_spike
from neurosvt.ops.gated_memory import gated_memory
from neurosvt.ops.lif import lif
from neurosvt.ops.memory import leaky_memory
from neurosvt.ops.rows import pack
from neurosvt.ops.scale import scale_by_rms
from neurosvt.ops.scaled_lif import rms_lif_rows, scaled_lif_rows
from neurosvt.ops.tracks import fitted_tracks
from tests.ops import fuzz_door

TYPES = [torch.float32, torch.float16, torch.bfloat16]
ROUGH = {torch.float32: 2e-5, torch.float16: 2e-2, torch.bfloat16: 5e-2}


def both(op, *inputs):
    """Results and gradients, by the kernels and by the definition."""
    found = []
    for backend in ("cupy", "reference"):
        leaves = [
            x.detach().clone().requires_grad_()
            if isinstance(x, torch.Tensor) and x.is_floating_point()
            else x
            for x in inputs
        ]
        out = op(*leaves, backend=backend)
        flat = [y for x in (out if isinstance(out, tuple) else (out,))
                for y in (x if isinstance(x, tuple) else (x,))]  # fmt: skip
        weights = torch.Generator().manual_seed(3)
        loss = sum(
            (x.double() * torch.randn(x.shape, generator=weights).double().to(x.device)).sum()
            for x in flat if x.requires_grad
        )  # fmt: skip
        learnt = [x for x in leaves if isinstance(x, torch.Tensor) and x.requires_grad]
        grads = torch.autograd.grad(loss, learnt, allow_unused=True)
        found.append([x.detach() for x in flat] + [g for g in grads if g is not None])
    return found


def agree(found, rough, exact=0):
    """The first `exact` to the bit: spikes, and membranes."""
    ours, right = found
    assert len(ours) == len(right)
    for one, two in zip(ours[:exact], right[:exact], strict=True):
        assert torch.equal(one, two)
    torch.testing.assert_close(ours[exact:], right[exact:], rtol=rough, atol=rough)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("surrogate", ["arctan", "sigmoid"])
@pytest.mark.parametrize("shape", [(1, 3), (7, 2, 5), (33, 1, 17, 3), (3, 129), (4, 0, 3)], ids=str)
def test_neurons(shim, dtype, reset, surrogate, shape):
    current, v = (2 * torch.randn(shape)).to(dtype), torch.rand(shape[1:])
    options = {"reset": reset, "surrogate": surrogate}
    for decay in (0.6, torch.rand(shape[-1])):
        found = both(lambda c, v, d, backend: lif(c, v, decay=d, backend=backend, **options),
                     current, v, decay)  # fmt: skip
        agree(found, ROUGH[dtype], exact=2)
    assert current.numel() == 0 or shim.started["lif_backward"] == 2


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_spikes_in_bytes(shim, dtype):
    current = (2 * torch.randn(9, 4, 7)).to(dtype)
    for reset in ("hard", "soft"):
        found = [lif(current, decay=0.6, reset=reset, backend=b, as_bytes=True)
                 for b in ("cupy", "reference")]  # fmt: skip
        assert torch.equal(found[0][0], found[1][0])
        assert torch.equal(found[0][1], found[1][1])
    assert shim.started["lif_forward"] == 2


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("width", [1, 33, 130])
def test_norm_and_neurons_over_touches(shim, dtype, width):
    rows = pack(torch.rand(30, 3, 13) < 0.3)
    x = (2 * torch.randn(len(rows), width)).to(dtype)
    x[::5] = 0
    gain, v = 0.5 + torch.rand(width), torch.rand(len(rows.sorted_indices), width)
    options = {"batch_sizes": rows.batch_sizes, "keep": 0.7 ** rows.elapsed[:, None].float()}
    agree(both(lambda x, g, v, backend: rms_lif_rows(x, g, 1e-5, v, backend=backend, **options),
               x, gain, v), ROUGH[dtype])  # fmt: skip
    with torch.no_grad():
        ways = [scaled_lif_rows(x, gain, v, backend=b, **options) for b in ("cupy", "reference")]
    assert torch.equal(ways[0][0], ways[1][0])
    agree(both(lambda x, g, backend: scale_by_rms(x, g, 1e-5, backend), x, gain), ROUGH[dtype])
    assert shim.started["lif_backward"] == 1
    assert shim.started["scale_backward"] == 2


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (65, 33), (200, 7)], ids=str)
@pytest.mark.parametrize("given_moments", [True, False])
def test_batch_norm_and_spike(shim, dtype, shape, given_moments):
    rows, width = shape
    x = (2 * torch.randn(shape) + 30).to(dtype)
    moments = BatchStats(torch.full((width,), 30.0), torch.full((width,), 4.0))
    found = both(
        lambda x, w, b, k, backend: batchnorm_spike(
            x, w, b, k, moments=moments if given_moments else None, backend=backend
        ),
        x, 0.5 + torch.rand(width), torch.randn(width), 1 + 4 * torch.rand(rows, 1),
    )  # fmt: skip
    agree(found, ROUGH[dtype] if rows > 1 else 0.1, exact=1)
    assert shim.started["through_sums"] == 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (40, 3, 33), (5, 0, 4)], ids=str)
def test_leaky_memory(shim, shape):
    inputs = [torch.randn(shape), (torch.rand(shape) < 0.3).float(), torch.randn(shape[1:])]
    agree(both(leaky_memory_, *inputs, torch.rand(shape[-1])), 2e-5)


def leaky_memory_(*inputs, backend):
    return leaky_memory(*inputs, backend)


@pytest.mark.parametrize("channels", [4, 132])
@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("forgets", [True, False])
@pytest.mark.parametrize("silent", [True, False])
def test_memory_behind_write_gates(shim, channels, looks, forgets, silent):
    steps, batch, gates = 17, 5, 4
    size = (steps, batch, channels)
    said = torch.rand(steps, batch) < 0.6 if silent else None
    found = both(
        lambda d, g, w, v, decay, look, forget, backend: gated_memory(
            d, g, w, v, decay, look, 0.1 * torch.ones(size), backend, said, forget
        ),
        torch.randn(size), (torch.rand(size) < 0.3).float(), torch.randn(steps, batch, gates),
        torch.randn(batch, channels), torch.rand(channels),
        0.1 * torch.randn(channels, gates) if looks else None,
        torch.rand(channels) if forgets else None,
    )  # fmt: skip
    agree(found, 1e-4)
    assert shim.started == Counter(gated_forward=1, gated_backward=1)


@pytest.mark.parametrize("shape", [(1, 1, 1), (30, 3, 5), (4, 9, 16)], ids=str)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_tracks(shim, shape, noise):
    votes, on = torch.rand(shape), lambda: (torch.rand(shape) < 0.6).float()
    disturbed = noise * torch.randn(*shape, 7) if noise else None
    found = both(
        lambda *x, backend: fitted_tracks(*x, 0.03, disturbed, backend),
        torch.randn(*shape, 2), votes * on(), on(), on(), torch.rand(*shape[1:], 8),
        torch.rand(shape[-1]), 0.1 + torch.rand(shape[-1]),
    )  # fmt: skip
    agree(found, 2e-3)
    assert shim.started == Counter(tracks_forward=1, tracks_backward=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**20))
def test_the_same_comes_out_whenever_it_is_done_again(shim, seed):
    """What resuming rests on: no sum depends on who comes first."""
    generator = torch.Generator().manual_seed(seed)
    current = torch.randn(5, 70, 3, generator=generator)
    found = []
    for _ in range(2):
        leaves = [current.clone().requires_grad_(), torch.full((3,), 0.5, requires_grad=True)]
        spikes, end = lif(leaves[0], decay=leaves[1], backend="cupy")
        found.append(torch.autograd.grad((spikes * current).sum() + end.sum(), leaves))
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))


@pytest.mark.filterwarnings("ignore:var..:UserWarning")
def test_whatever_is_brought_to_them_is_right_or_refused(shim, monkeypatch, all_shapes_checked):
    monkeypatch.setattr(fuzz_door, "BACKENDS", ("auto", "cupy"))
    found = fuzz_door.run(150, 70_000)
    assert {what for what in found if what.startswith("wrong")} == set()
    assert found["right"] > 80
    assert len(shim.started) > 10


def test_arguments_are_held_against_what_the_kernel_declares(shim):
    from neurosvt.ops.native import call

    x, scale = torch.zeros(3, 4), torch.zeros(4)
    call("scale_rows", x, scale, torch.empty(3, 4))
    for bad in (torch.zeros(5), torch.zeros(4).half(), torch.zeros(4, 2)[:, 0], None, 1.0):
        with pytest.raises(ValueError, match="scale_rows: scale must be f32"):
            call("scale_rows", x, bad, torch.empty(3, 4))
    assert shim.started == Counter(scale_rows=1)


def test_on_a_processor_the_backend_is_pytorch():
    current = torch.randn(5, 3)
    assert not gpu.takes(current)
    assert torch.equal(lif(current, decay=0.5, backend="cupy")[0], lif(current, decay=0.5)[0])
