"""Statistics of a batch that two processes share are those of the whole batch."""

import pytest
import torch

from neurosvt.nn.batchnorm2d import SharedBatchNorm2d
from neurosvt.ops.across import any_of, anywhere, is_shared, processes, rank, shared_batch
from neurosvt.ops.batchnorm_spike import batchnorm_spike
from neurosvt.ops.scale import scale_by_rms
from neurosvt.ops.scaled_lif import rms_lif_rows
from tests.processes import in_processes, needs_fork

pytestmark = needs_fork
ROWS, WIDTH = 11, 5
CUTS = {"uneven": (0, 4, ROWS), "one has none": (0, 0, ROWS), "the other has none": (0, ROWS, ROWS)}


def numbers(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def scale(x, backend):
    x[::3] = 0
    gain = numbers(1, WIDTH).requires_grad_()
    return (x, gain), lambda x, rows: scale_by_rms(x, gain, 1e-5, backend)


def scaled_lif(x, backend):
    gain, keep = numbers(1, WIDTH).requires_grad_(), torch.full((ROWS, 1), 0.9)

    def op(x, rows):
        v = torch.zeros(len(x), WIDTH)
        spikes, _, mean_square = rms_lif_rows(
            3 * x, gain, 1e-5, v, batch_sizes=[len(x)] if len(x) else [], keep=keep[rows],
            backend=backend,
        )  # fmt: skip
        return spikes, mean_square

    return (x, gain), op


def norm_spike(x, backend):
    weight, bias, slope = (numbers(i, n) for i, n in ((1, WIDTH), (2, WIDTH), (3, ROWS)))
    weight, bias, slope = weight.requires_grad_(), bias.requires_grad_(), slope.abs()[:, None] + 1

    def op(x, rows):
        spikes, moments = batchnorm_spike(4 * x + 1, weight, bias, slope[rows], backend=backend)
        return spikes, torch.stack(moments)

    return (x, weight, bias), op


def pictures(x, backend):
    norm = SharedBatchNorm2d(WIDTH)

    def op(x, rows):
        y = norm(4 * x[:, :, None, None].expand(-1, -1, 2, 3) + 1)
        return y.mean((2, 3)), torch.stack([norm.running_mean, norm.running_var])

    return (x, norm.weight, norm.bias), op


def result(case, backend, rows):
    """Of some of the rows: outputs, statistics, and gradients of the input and what learns."""
    (x, *learnt), op = case(numbers(0, ROWS, WIDTH), backend)
    own = x[rows].clone().requires_grad_()
    with shared_batch():
        y, statistics = op(own, rows)
    weight = numbers(9, ROWS, WIDTH)[rows]
    grads = torch.autograd.grad((weight * y).sum(), [own, *learnt])
    return [part.detach() for part in (y, statistics, *grads)]


@pytest.mark.parametrize("backend", ["auto", "manual", "reference"])
@pytest.mark.parametrize(
    ("case", "cut"),
    [
        *((case, cut) for case in (scale, scaled_lif) for cut in CUTS),
        (norm_spike, "uneven"),
        (pictures, "uneven"),
    ],
)
def test_two_processes_find_what_one_finds_of_the_whole(case, cut, backend, tmp_path):
    bounds = CUTS[cut]
    whole = result(case, backend, slice(0, ROWS))
    parts = in_processes(
        tmp_path, lambda rank: result(case, backend, slice(bounds[rank], bounds[rank + 1]))
    )
    (one, one_square, one_x, *one_learnt), (two, two_square, two_x, *two_learnt) = parts
    assert torch.equal(one_square, two_square)
    found = [torch.cat([one, two]), one_square, torch.cat([one_x, two_x])]
    found += [a + b for a, b in zip(one_learnt, two_learnt, strict=True)]
    torch.testing.assert_close(found, whole, rtol=1e-4, atol=1e-5)


def test_the_shared_gradient_is_differentiable_again(tmp_path):
    def twice(rank):
        x = numbers(0, ROWS, WIDTH)[slice(0, 4) if rank == 0 else slice(4, ROWS)].double()
        x, gain = x.requires_grad_(), torch.ones(WIDTH, dtype=torch.double, requires_grad=True)
        with shared_batch():
            y, _ = scale_by_rms(x, gain, 1e-5, "reference")
        (first,) = torch.autograd.grad(y.square().square().sum(), gain, create_graph=True)
        return torch.autograd.grad(first.sum(), gain)[0]

    one, two = in_processes(tmp_path, twice)
    x = numbers(0, ROWS, WIDTH).double()
    gain = torch.ones(WIDTH, dtype=torch.double, requires_grad=True)
    y, _ = scale_by_rms(x, gain, 1e-5, "reference")
    (first,) = torch.autograd.grad(y.square().square().sum(), gain, create_graph=True)
    torch.testing.assert_close(one + two, torch.autograd.grad(first.sum(), gain)[0])


def test_what_one_says_is_heard_everywhere(tmp_path):
    def ask(number):
        with shared_batch():
            heard = anywhere(number == 1), anywhere(False)
        return [*heard, anywhere(number == 1), *any_of([number == 0, False], "cpu"), rank()]

    assert in_processes(tmp_path, ask) == [
        [True, False, False, True, False, 0],
        [True, False, True, True, False, 1],
    ]


def test_alone_nothing_is_shared():
    with shared_batch():
        assert not is_shared()
        assert anywhere(True)
        assert not anywhere(False)
    assert (processes(), rank()) == (1, 0)
