"""PyTorch's recurrent layers in every layout, against counts made by hand from their definition."""

import pytest
import torch
from torch import nn

from neurosvt.energy.count import Meter

KINDS: dict[str, tuple] = {
    "gru": (nn.GRU, 3, {}),
    "lstm": (nn.LSTM, 4, {}),
    "tanh": (nn.RNN, 1, {}),
    "relu": (nn.RNN, 1, {"nonlinearity": "relu"}),
}
LAYOUTS = {
    "plain": {},
    "batch first": {"batch_first": True},
    "no bias": {"bias": False},
    "two layers, both ways": {"num_layers": 2, "bidirectional": True},
    "both ways, batch first": {"bidirectional": True, "batch_first": True},
}
GRADIENTS = [torch.enable_grad, torch.no_grad, torch.inference_mode]
TIME, BATCH, INPUTS, UNITS = 3, 2, 5, 6


def products_by_hand(gates, layers, ways, updates, rested=BATCH):
    """Of numbers that are never zero but in the state before the first step."""
    total, inputs = 0, INPUTS
    for _ in range(layers):
        total += ways * gates * UNITS * (updates * inputs + (updates - rested) * UNITS)
        inputs = ways * UNITS
    return total


def metered(call, model, gradients):
    with gradients(), Meter(model) as meter:
        call()
    assert not meter.unknown
    return meter.total


@pytest.mark.parametrize("gradients", GRADIENTS)
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_layers_cost_what_their_definition_does(kind, layout, double, gradients):
    layer, gates, more = KINDS[kind]
    dtype = torch.double if double else torch.float
    torch.manual_seed(0)
    model = layer(INPUTS, UNITS, **layout, **more, dtype=dtype)
    if kind == "relu":  # so that no state is all zeros
        for p in model.parameters():
            p.data.abs_()
    layers, ways = layout.get("num_layers", 1), 1 + layout.get("bidirectional", False)
    shape = (BATCH, TIME) if layout.get("batch_first") else (TIME, BATCH)
    x = torch.rand(*shape, INPUTS, dtype=dtype) + 0.1
    total = metered(lambda: model(x), model, gradients)
    updates = TIME * BATCH
    assert total.macs == products_by_hand(gates, layers, ways, updates)
    assert total.acs == 0
    each = layers * ways * updates * UNITS
    biases = 2 * gates if model.bias else 0
    if kind == "lstm":  # sums of both products, and of the cell
        assert total.adds == each * (biases + 4 + 1)
        assert (total.multiplies, total.specials) == (3 * each, 5 * each)
    elif kind != "gru":
        assert total.adds == each * (biases + 1)


@pytest.mark.parametrize("gradients", GRADIENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_cost_their_own_steps(kind, gradients):
    layer, gates, more = KINDS[kind]
    model = layer(INPUTS, UNITS, **more)
    for p in model.parameters():
        p.data.abs_()
    lengths = torch.tensor([4, 2, 1])
    packed = nn.utils.rnn.pack_padded_sequence(torch.rand(4, 3, INPUTS) + 0.1, lengths)
    total = metered(lambda: model(packed), model, gradients)
    assert total.macs == products_by_hand(gates, 1, 1, int(lengths.sum()), rested=3)


@pytest.mark.parametrize("gradients", GRADIENTS)
def test_projections_are_counted(gradients):
    model = nn.LSTM(INPUTS, UNITS, proj_size=4, dtype=torch.double)
    x = torch.rand(TIME, BATCH, INPUTS, dtype=torch.double) + 0.1
    total = metered(lambda: model(x), model, gradients)
    updates = TIME * BATCH
    inner = 4 * UNITS * (updates * INPUTS + (updates - BATCH) * 4)
    assert total.macs == inner + updates * UNITS * 4


@pytest.mark.parametrize("gradients", GRADIENTS)
@pytest.mark.parametrize("cell", [nn.GRUCell, nn.LSTMCell, nn.RNNCell])
def test_cells_are_counted(cell, gradients):
    model, x, h = cell(INPUTS, UNITS), torch.rand(2, INPUTS), torch.rand(2, UNITS)
    state = (h, h) if cell is nn.LSTMCell else h
    gates = {nn.GRUCell: 3, nn.LSTMCell: 4, nn.RNNCell: 1}[cell]
    total = metered(lambda: model(x, state), model, gradients)
    assert total.macs == 2 * gates * UNITS * (INPUTS + UNITS)
