"""Operators of a function each: counted as by hand, or named; never nothing in silence."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neurosvt.energy.count import Meter

X = torch.arange(1, 17).reshape(2, 8) / 17  # no zero, no spike
SPIKES = X > 0.5


class Does(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.rand(8, 3) + 0.1)

    def forward(self, x):
        return self.function(x, self.weight)


def meter_of(function, x=X, gradients=torch.no_grad):
    model = Does(function)
    with gradients(), Meter(model) as meter:
        model(x)
    return meter


COUNTED = {
    "einsum": (lambda x, w: torch.einsum("bi,io->bo", x, w), {"macs": 48}),
    "half": (lambda x, w: x.half() @ w.half(), {"macs": 48}),
    "bfloat16": (lambda x, w: x.bfloat16() @ w.bfloat16(), {"macs": 48}),
    "double": (lambda x, w: x.double() @ w.double(), {"macs": 48}),
    "whole numbers": (lambda x, w: SPIKES.long() @ torch.ones(8, 3).long(), {"acs": 24}),
    "addmv": (lambda x, w: torch.addmv(x[:, 0], x, w[:, 0]), {"macs": 16, "adds": 2}),
    "addbmm": (
        lambda x, w: torch.addbmm(x.new_zeros(2, 3), x[None], w[None]),
        {"macs": 48, "adds": 6},
    ),
    "bool attention": (lambda x, w: (SPIKES & SPIKES).sum(-1), {"comparisons": 16, "adds": 16}),
    "int8": (lambda x, w: SPIKES.to(torch.int8) + SPIKES.to(torch.int8), {"adds": 16}),
    "scaled addition": (lambda x, w: torch.add(x, x, alpha=2), {"adds": 16, "multiplies": 16}),
    "leak": (lambda x, w: torch.lerp(x, x, 0.5), {"adds": 32, "multiplies": 16}),
    "rows of weights": (lambda x, w: w[SPIKES.nonzero()[:, 1]].sum(0), {"adds": 24}),
    "bags": (
        lambda x, w: F.embedding_bag(SPIKES.long(), w, mode="sum"),
        {"acs": 16 * 3, "weights_each": 48},
    ),
    "scatter_add": (
        lambda x, w: torch.zeros(99).scatter_add(0, torch.arange(8), x[0]), {"adds": 8},
    ),
    "index_add": (
        lambda x, w: torch.zeros(99, 8).index_add(0, torch.tensor([0, 0]), x), {"adds": 16},
    ),
    "index_put": (
        lambda x, w: torch.zeros(9).index_put_((torch.tensor([0, 0]),), x[0, :2], accumulate=True),
        {"adds": 2},
    ),
    "overlapping windows": (
        lambda x, w: F.avg_pool2d(x.reshape(1, 1, 4, 4), 3, 1), {"adds": 4 * 9},
    ),
    "adaptive windows": (lambda x, w: F.adaptive_avg_pool2d(x[None], 2), {"adds": 2 * 8}),
    "training norm": (
        lambda x, w: F.batch_norm(x, torch.zeros(8), torch.ones(8), training=True),
        {"adds": 48, "multiplies": 32, "specials": 8},
    ),
}  # fmt: skip


@pytest.mark.parametrize("gradients", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("what", COUNTED)
def test_operators_are_counted_as_by_hand(what, gradients):
    function, expected = COUNTED[what]
    meter = meter_of(function, gradients=gradients)
    assert not meter.unknown
    found = vars(meter.total)
    free = {"comparisons"} if "comparisons" not in expected else set()
    kinds = {"macs", "acs", "adds", "multiplies", "specials", "comparisons"} - free
    assert {kind: found[kind] for kind in kinds} == {kind: expected.get(kind, 0) for kind in kinds}


@torch.library.custom_op("neurosvt_tests::odd", mutates_args=())
def odd(x: torch.Tensor) -> torch.Tensor:
    """An operator of another library."""
    return x @ x.T


NAMED = {
    "neurosvt_tests::odd": lambda x, w: odd(x),
    "mm of complex tensors": lambda x, w: x.cfloat() @ w.cfloat(),
    "mm of sparse or packed tensors": lambda x, w: x.to_sparse() @ w,
    "dequantize of quantised tensors": lambda x, w: torch.quantize_per_tensor(
        x, 0.1, 0, torch.quint8
    ).dequantize(),
    "mm of meta tensors": lambda x, w: x.to("meta") @ w.to("meta"),
    "_cdist_forward": lambda x, w: torch.cdist(x, x),
    "_trilinear": lambda x, w: F.bilinear(x, x, torch.rand(3, 8, 8)),
    "_foreach_add": lambda x, w: torch._foreach_add([x, x], 1.0),
}


@pytest.mark.filterwarnings("ignore:.*quant.*")
@pytest.mark.parametrize("name", NAMED)
def test_what_cannot_be_counted_is_named(name):
    assert name in meter_of(NAMED[name]).unknown


def test_an_empty_batch_costs_nothing_and_is_no_error():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    with torch.no_grad(), Meter(model) as meter:
        model(torch.zeros(0, 1, 4, 4))
    assert not meter.total
    assert not meter.unknown
