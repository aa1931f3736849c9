"""The door to the kernels: right, or refused in one line, whatever is brought to it."""

import subprocess
import sys

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from neurosvt.native.signatures import SIGNATURES
from neurosvt.ops import native
from neurosvt.ops.batchnorm_spike import BatchStats, batchnorm_spike
from neurosvt.ops.binding import KINDS
from neurosvt.ops.lif import lif
from neurosvt.ops.native import call
from neurosvt.ops.windows import window_pixels
from tests.ops import fuzz_door

built = pytest.mark.skipif(not native.BUILT, reason="the kernels were not built")
pytestmark = pytest.mark.filterwarnings("ignore:var..:UserWarning")  # of channels that are none


def test_whatever_is_brought_is_right_or_refused(all_shapes_checked):
    found = fuzz_door.run(400, 1)
    assert {what for what in found if what.startswith("wrong")} == set()
    assert found["right"] > 200
    assert found["refused"] > 20  # or nothing odd was brought


def test_threads_share_the_door(all_shapes_checked):
    found = fuzz_door.run(120, 10_000, callers=4)
    assert {what for what in found if what.startswith("wrong")} == set()


@built
@pytest.mark.parametrize("name", SIGNATURES)
def test_a_kernel_takes_nothing_but_what_it_declares(name):
    """Every array in turn is of another type, with gaps, of another size, or none at all."""
    kinds = {kind: dtype for dtype, kind in KINDS.items() if dtype is not torch.bool}
    arguments = [a for a in SIGNATURES[name].arguments if a.kind != "size"]
    good = []
    for a in arguments:
        shape = [int(axis) if axis.isdigit() else 4 for axis in a.axes]
        dtype = kinds.get(a.kind, torch.float32)
        good.append(torch.zeros(shape, dtype=dtype) if a.axes else 0)
    for i, a in enumerate(arguments):
        if not a.axes:
            continue
        x = good[i]
        wide = torch.zeros(*x.shape[:-1], 2 * x.shape[-1], dtype=x.dtype)[..., ::2]
        bad = [x.half(), x[None], x.to("meta"), 1.0]
        bad += [] if wide.is_contiguous() else [wide]
        bad += [] if a.optional else [None]
        for odd in bad:
            with pytest.raises(ValueError, match=f"{name}: {a.name} must be"):
                call(name, *good[:i], odd, *good[i + 1 :])


@built
def test_indices_and_sizes_that_lead_nowhere_are_refused_by_the_kernels():
    frames = torch.zeros(2, 1, 2, 8, 8, dtype=torch.bool)
    index = torch.zeros(3, dtype=torch.int64)
    for frame, position in ((index + 2, index), (index - 1, index), (index, index + 4)):
        with pytest.raises(ValueError, match="an index lies outside"):
            window_pixels(frames, frame, position, torch.arange(3), 4, 4, 0)
    current, v, keep = torch.zeros(6, 3), torch.zeros(4, 3), torch.full((3,), 0.5)
    operator = torch.ops.neurosvt.lif_rows
    for sizes in ([4, 3], [5, 1], [2, 4], [7, -1]):
        with pytest.raises(ValueError, match="an index lies outside"):
            operator(current, v, sizes, None, 0.5, 1.0, "hard", "arctan", 2.0)
    for odd in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"decay.* \[0, 1\]"):
            lif(current, decay=keep * (odd / 0.5))


@pytest.mark.parametrize("backend", ["native", "manual", "reference"])
def test_a_number_in_a_tensor_is_the_number_and_learns_where_asked(backend):
    current = 2 * torch.rand(6, 3, 4)
    right, _ = lif(current, decay=0.5, threshold=0.8, slope=3.0)
    threshold, slope = (torch.tensor(x, dtype=torch.float64) for x in (0.8, 3.0))
    spikes, _ = lif(current, decay=0.5, threshold=threshold, slope=slope, backend=backend)
    assert torch.equal(spikes, right)
    learnt = [torch.nn.Parameter(x.float()) for x in (threshold, slope)]
    spikes, _ = lif(current, decay=0.5, threshold=learnt[0], slope=learnt[1], backend=backend)
    on_threshold, on_slope = torch.autograd.grad(spikes.sum(), learnt)
    assert torch.equal(spikes, right)
    assert on_threshold < 0  # a higher threshold would let fewer fire
    assert on_slope.isfinite()
    with pytest.raises(ValueError, match=r"threshold must be a number, or a tensor of one"):
        lif(current, decay=0.5, threshold=torch.ones(4), backend=backend)


@pytest.mark.parametrize("backend", ["native", "manual"])
def test_gradients_of_gradients_are_those_of_the_definition(backend):
    torch.manual_seed(0)
    x, k = torch.randn(9, 5), 1 + torch.rand(9, 1)
    found = []
    for way in (backend, "reference"):
        leaves = [t.clone().requires_grad_() for t in (x, torch.rand(5) * 0 + 1, x[0], k)]
        spikes, _ = batchnorm_spike(*leaves, backend=way)
        (grad,) = torch.autograd.grad((spikes * x).sum(), leaves[0], create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), leaves))
    torch.testing.assert_close(*found)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # PyTorch's own
def test_transforms_of_functions_work_or_say_no():
    x = torch.randn(3, 6, 2, 5)
    each = torch.stack([lif(c, decay=0.5)[0] for c in x])
    assert torch.equal(torch.vmap(lambda c: lif(c, decay=0.5)[0])(x), each)
    slopes = torch.func.grad(lambda c: lif(c, decay=0.5)[1].sum())(x[0])
    right = torch.func.grad(lambda c: lif(c, decay=0.5, backend="reference")[1].sum())(x[0])
    torch.testing.assert_close(slopes, right)
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(lambda c: lif(c, decay=0.5, backend="manual")[0], (x[0],), (x[0],))


def test_checkpointing_changes_no_gradient():
    x = torch.randn(6, 2, 5, requires_grad=True)

    def run(c):
        return lif(c, decay=0.5)[0] * c

    (right,) = torch.autograd.grad(run(x).sum(), x)
    (found,) = torch.autograd.grad(checkpoint(run, x, use_reentrant=False).sum(), x)
    assert torch.equal(found, right)


def test_another_default_device_changes_nothing():
    x = torch.randn(6, 2, 5)
    right = lif(x, decay=0.5)
    with torch.device("meta"):
        found = lif(x, decay=0.5)
        moments = BatchStats(x[0, 0], x[0, 0].square())
        batchnorm_spike(x.flatten(0, 1), x[0, 0], x[0, 0], x.flatten()[:12, None], moments=moments)
    assert all(map(torch.equal, found, right))


@built
def test_an_operator_without_a_gradient_says_so():
    spikes = torch.ones(2, 3, requires_grad=True)
    out = torch.ops.neurosvt.gather_rows(spikes, torch.ones(3, 4))
    with pytest.raises(RuntimeError, match="gather_rows has no gradient"):
        out.sum().backward()


RECORDED = """
import torch
from neurosvt import DySViT, NeuroSVT
from neurosvt.ops.binding import KINDS
from neurosvt.ops.lif import lif

torch.manual_seed(0)
model, images = DySViT(10, 32, 1), torch.randn(3, 3, 32, 32)
step = torch.compile(model, backend="aot_eager", fullgraph=True)
found = []
for run in (step, model):
    model.zero_grad()
    logits = run(images)
    logits.square().sum().backward()
    found.append([logits.detach(), *(p.grad.clone() for p in model.parameters())])
for one, two in zip(*found):
    torch.testing.assert_close(one, two)
model.eval()
exported = torch.export.export(model.deployed(), (images,))
with torch.no_grad():
    torch.testing.assert_close(exported.module()(images), model(images))
    traced = torch.jit.trace(model, images, check_trace=False)
    torch.testing.assert_close(traced(2 * images), model(2 * images))
assert any("neurosvt.batchnorm_spike" in str(n.target) for n in exported.graph.nodes)
events, frames = NeuroSVT().eval(), torch.rand(8, 2, 2, 64, 64) < 0.02
with torch.no_grad():
    compiled = torch.compile(events, backend="aot_eager")(frames)
    assert all(map(torch.equal, compiled[0], events(frames)[0]))
print("equal")
"""


@built
@pytest.mark.slow
def test_what_is_compiled_exported_or_traced_is_equal():
    """Apart: the hook that checks shapes in tests is not for compilers."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RECORDED],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip().endswith("equal"), done.stderr[-2000:]


def test_every_operator_is_written_down_for_compilers():
    """PyTorch's own checks of schemas, fakes and registrations of gradients."""
    x, weight = torch.randn(6, 5), torch.rand(5)
    slope = torch.rand(6, 1) + 1
    sizes = [3, 3]
    samples = {
        "lif_rows": (x, x[:3], sizes, None, 0.5, 1.0, "hard", "arctan", 2.0),
        "scale_by_rms": (x, weight, 1e-5, False),
        "rms_lif_rows": (x, weight, 1e-5, x[:3], sizes, slope * 0 + 0.5, False),
        "batchnorm_spike": (x, weight, weight, slope, None, None, 1.0, 1e-5, False),
        "leaky_memory": (x[None], (x[None] > 0).float(), x, weight),
        "gated_memory": (x[None], (x[None] > 0).float(), x[None, :, :1], x, weight) + (None,) * 4,
        "gather_rows": (x, torch.rand(5, 4)),
    }
    if not native.BUILT:
        pytest.skip("the kernels were not built")
    for name, inputs in samples.items():
        torch.library.opcheck(
            getattr(torch.ops.neurosvt, name).default,
            inputs,
            test_utils=("test_schema", "test_autograd_registration", "test_faketensor"),
        )
