"""The kernels' threads and their door."""

import multiprocessing
import threading

import pytest
import torch

from neurosvt.native import library
from neurosvt.nn.embed import Windows
from neurosvt.ops import native
from neurosvt.ops.attention_by_frame import attention_by_frame
from neurosvt.ops.batchnorm_spike import batchnorm_spike
from neurosvt.ops.groups import sum_of_products
from neurosvt.ops.lif import lif, lif_rows
from neurosvt.ops.memory import leaky_memory
from neurosvt.ops.rows import pack
from neurosvt.ops.scale import scale_by_rms
from neurosvt.ops.spike_product import spike_product

pytestmark = pytest.mark.skipif(library() is None, reason="the kernels were not built")


@pytest.fixture
def threads():
    """threads(n): from now on that many; as before at the end."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def gradients(op, *inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    out = op(*leaves)
    first = out[0] if isinstance(out, tuple) else out
    pull = torch.randn(first.shape, generator=torch.Generator().manual_seed(3))
    return [first, *torch.autograd.grad((first * pull).sum(), leaves)]


def ragged():
    rows = pack(torch.rand(30, 3, 40) < 0.5)
    keep = (0.8 ** rows.elapsed[:, None]).float()
    current, v = torch.randn(len(rows), 96), torch.rand(len(rows.sorted_indices), 96)
    return lambda c, v: lif_rows(c, v, batch_sizes=rows.batch_sizes, keep=keep), current, v


def spikes(*shape):
    return (torch.rand(shape) < 0.1).float()


def within_frames():
    rows = pack(torch.rand(90, 3, 40) < 0.3)
    return lambda x: attention_by_frame(x, rows.order, rows.starts), spikes(len(rows), 3, 4, 16)


def by_position():
    rows = pack(torch.rand(90, 3, 40) < 0.3)
    frames, home = rows.filled
    return (
        lambda x, w: sum_of_products(x, w, rows.position, home, len(frames)),
        spikes(len(rows), 32), torch.randn(40, 32, 130),
    )  # fmt: skip


CASES = {
    "many streams": lambda: (lambda c: lif(c, decay=0.5), torch.randn(9, 64, 257)),
    "one stream": lambda: (lambda c: lif(c, decay=0.5), torch.randn(9, 90_001)),
    "ragged": ragged,
    "learnt decay": lambda: (
        lambda c, d: lif(c, decay=d), torch.randn(9, 64, 130), torch.rand(130),
    ),
    "spikes and weights": lambda: (spike_product, spikes(3000, 70), torch.randn(130, 70)),
    "attention": within_frames,
    "read": by_position,
    "scale": lambda: (
        lambda x, g: scale_by_rms(x, g, 1e-5), torch.randn(3000, 130), torch.rand(130),
    ),
    "batch norm": lambda: (batchnorm_spike, *(
        torch.randn(3000, 130), torch.rand(130), torch.rand(130), torch.rand(3000, 1),
    )),
    "memory": lambda: (
        leaky_memory, torch.randn(90, 8, 130), torch.rand(90, 8, 130),
        torch.randn(8, 130), torch.rand(130),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_threads_change_no_bit(case, threads):
    """Every number has one writer and one order of summation, however many threads there are."""
    op, *inputs = CASES[case]()
    threads(1)
    alone = gradients(op, *inputs)
    for count in (2, 3, 5):
        threads(count)
        for one, two in zip(alone, gradients(op, *inputs), strict=True):
            assert torch.equal(one, two)


def test_callers_do_not_disturb_each_other(threads):
    threads(2)
    current = torch.randn(9, 64, 257)
    expected = lif(current, decay=0.5)[0]
    wrong = []

    def many():
        for _ in range(20):
            if not torch.equal(lif(current, decay=0.5)[0], expected):
                wrong.append(1)

    callers = [threading.Thread(target=many) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert not any(caller.is_alive() for caller in callers)
    assert not wrong


def _count(current, answer):
    # NumPy adds up: PyTorch's own threads do not survive a fork.
    answer.put(int(lif(current, decay=0.5)[0].numpy().sum()))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
def test_a_forked_child_works_alone(threads):
    """It has none of the threads: waiting for them would be for ever."""
    threads(2)
    current = torch.randn(9, 64, 257)
    spikes = lif(current, decay=0.5)[0]
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=_count, args=(current, answer))
    child.start()
    try:
        assert answer.get(timeout=20) == int(spikes.numpy().sum())
    finally:
        child.kill()
        child.join()


@pytest.mark.parametrize(
    ("backend", "dtype", "fits"),
    [
        ("auto", torch.float32, True), ("native", torch.bfloat16, True),
        ("auto", torch.float64, False), ("manual", torch.float32, False),
        ("reference", torch.float32, False),
    ],
)  # fmt: skip
def test_kernels_are_for_floats_of_two_kinds_and_for_who_wants_them(backend, dtype, fits):
    assert native.suits(torch.zeros(1, dtype=dtype), backend) == fits


def test_threads_change_no_window(threads):
    windows, frames = Windows(8, 4), torch.rand(300, 3, 2, 24, 24) < 0.03
    found = []
    for count in (1, 3):
        threads(count)
        rows = pack(windows.active(frames, 1))
        found.append((rows.frame, windows.rows(frames, rows, torch.uint8, 1)))
    for one, two in zip(*found, strict=True):
        assert torch.equal(one, two)
