"""Products of spikes: every way gives the same to the bit, and the cheapest is taken."""

import pytest
import torch

from neurosvt.native import library
from neurosvt.ops import native, products
from neurosvt.ops.products import UNIT, WAYS, Cost, GridWeight, grid_product

needs_kernels = pytest.mark.skipif(library() is None, reason="the kernels were not built")
SHAPES = [(1, 1, 1), (7, 5, 3), (33, 64, 17), (64, 128, 200)]


def on_grid(outputs, inputs, largest=4000):
    return torch.randint(-largest, largest + 1, (outputs, inputs)).float() * UNIT


def spikes_of(rows, inputs, share, dtype=torch.float32):
    return (torch.rand(rows, inputs) < share).to(dtype)


@needs_kernels
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_every_way_is_exact(shape, share, dtype):
    rows, inputs, outputs = shape
    spikes, weight = spikes_of(rows, inputs, share, dtype), on_grid(outputs, inputs)
    laid_out = GridWeight.of(weight)
    exact = (spikes.double() @ weight.double().T).float()
    for name, way in WAYS.items():
        out = way(spikes, laid_out)
        assert out.dtype == torch.float32
        assert torch.equal(out, exact), name
    assert torch.equal(grid_product(spikes, laid_out), exact)


@needs_kernels
@pytest.mark.parametrize("cheapest", sorted(WAYS))
def test_what_was_measured_decides_and_changes_nothing(cheapest, monkeypatch):
    taken = []
    ways = {
        name: lambda s, w, n=name, f=way: taken.append(n) or f(s, w) for name, way in WAYS.items()
    }
    monkeypatch.setattr(products, "WAYS", ways)
    found = {name: Cost(0.0 if name == cheapest else 1.0) for name in WAYS}
    monkeypatch.setattr(products, "costs", lambda *shape: found)
    spikes, weight = spikes_of(9, 20, 0.3), on_grid(6, 20)
    exact = (spikes.double() @ weight.double().T).float()
    assert torch.equal(grid_product(spikes, GridWeight.of(weight)), exact)
    assert taken == [cheapest]


@needs_kernels
def test_few_spikes_are_gathered_and_many_are_not(monkeypatch):
    found = {"dense": Cost(9.0), "planes": Cost(5.0), "gather": Cost(1.0, 0.1)}
    monkeypatch.setattr(products, "costs", lambda *shape: found)
    taken, dense = [], products.dense
    ways = {n: lambda s, w, n=n: taken.append(n) or dense(s, w) for n in WAYS}
    monkeypatch.setattr(products, "WAYS", ways)
    weight = GridWeight.of(on_grid(6, 20))
    for fired in (39, 41):
        spikes = torch.zeros(9, 20)
        spikes.view(-1)[:fired] = 1
        grid_product(spikes, weight)
    assert taken == ["gather", "planes"]


@needs_kernels
def test_costs_are_measured_once_for_a_shape():
    found = products.costs(16, 8, 8)
    assert products.costs(16, 8, 8) is found
    assert all(cost.fixed > 0 and cost.per_spike >= 0 for cost in found.values())


def test_no_rows_and_no_kernels_are_a_plain_product(monkeypatch):
    weight = on_grid(3, 5)
    assert grid_product(torch.zeros(0, 5), GridWeight.of(weight)).shape == (0, 3)
    monkeypatch.setattr(native, "BUILT", False)
    spikes = spikes_of(4, 5, 0.5)
    assert torch.equal(grid_product(spikes, GridWeight.of(weight)), spikes @ weight.T)


@pytest.mark.parametrize("largest", [UNIT, 7.9, -7.9])
def test_two_bytes_hold_what_lies_on_the_grid_below_eight(largest):
    weight = (torch.tensor([[largest]]) / UNIT).round() * UNIT
    laid_out = GridWeight.of(weight)
    assert (256 * laid_out.high.double() + laid_out.low.double()).item() * UNIT == weight.item()


@pytest.mark.parametrize("wrong", [0.3, 8.0, -9.0, UNIT / 2])
def test_what_two_bytes_do_not_hold_is_not_laid_out(wrong):
    assert GridWeight.of(torch.tensor([[wrong]])) is None


@pytest.mark.skipif(not native.BUILT, reason="the kernels were not built")
@pytest.mark.parametrize("has", [True, False])
def test_products_of_bytes_are_tried_only_where_the_processor_has_them(has, monkeypatch):
    monkeypatch.setattr(products, "multiplies_bytes", lambda: has)
    products.costs.cache_clear()
    assert ("planes" in products.costs(8, 16, 8)) == has
    products.costs.cache_clear()
