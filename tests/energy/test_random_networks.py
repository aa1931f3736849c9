"""Networks drawn at random: the meter against loops over every value that flowed."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurosvt.energy.count import Meter
from neurosvt.energy.operations import Operations
from tests.energy.by_hand import convolution_by_hand


class Fire(nn.Module):
    """Spikes where the current reaches a threshold; of no library."""

    def forward(self, x):
        return (x >= 0.3).to(x.dtype)


class Rectify(nn.ReLU):
    """Real numbers, many of them zero."""


def drawn(seed, depth, spiking):
    """A few convolutions, then a few linear layers, each before neurons or a rectifier."""
    generator = torch.Generator().manual_seed(seed)

    def pick(*choices):
        return choices[int(torch.randint(len(choices), (1,), generator=generator))]

    torch.manual_seed(seed)
    layers, channels = [], 2
    for _ in range(depth):
        out = pick(1, 2, 4)
        layers.append(
            nn.Conv2d(channels, out, pick(1, 2, 3), pick(1, 2), pick(0, 1), bias=pick(True, False))
        )
        layers.append(Fire() if pick(True, spiking) else Rectify())
        channels = out
    layers.append(nn.Flatten())
    size = nn.Sequential(*layers)(torch.zeros(1, 2, 9, 9)).shape[1]
    for out in (5, 3):
        layers += [nn.Linear(size, out, bias=pick(True, False)), pick(Fire, Rectify)()]
        size = out
    return nn.Sequential(*layers)


def by_hand(network, x):
    """MACs, ACs, additions of biases and comparisons, sample by sample and value by value."""
    macs = acs = adds = comparisons = 0
    for sample in x:
        now = sample[None]
        for layer in network:
            into, now = now, layer(now)
            if isinstance(layer, Fire | Rectify):
                comparisons += sum(1 for _ in into.flatten())
            if not isinstance(layer, nn.Conv2d | nn.Linear):
                continue
            binary = all(value in (0.0, 1.0) for value in into.flatten().tolist())
            if isinstance(layer, nn.Conv2d):
                taps = layer.weight[0].numel()
                reached, whole = convolution_by_hand(layer, into), now.numel() * taps
            else:
                reached = sum(layer.out_features for value in into.flatten() if value)
                whole = into.numel() * layer.out_features
            acs += reached if binary else 0
            macs += 0 if binary else whole
            adds += now.numel() if layer.bias is not None else 0
    return macs, acs, adds, comparisons


def metered(network, x):
    with torch.no_grad(), Meter(network) as meter:
        network(x)
    assert not meter.unknown
    return meter.total


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**16), depth=st.integers(0, 3), batch=st.integers(1, 5),
    share=st.sampled_from([0.0, 0.1, 0.5]), real=st.booleans(), spiking=st.booleans(),
)  # fmt: skip
def test_the_meter_counts_what_loops_do(seed, depth, batch, share, real, spiking):
    network = drawn(seed, depth, spiking)
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(batch, 2, 9, 9, generator=generator) < share).float()
    if real:
        x[0] *= 0.7  # one sample of numbers among spikes
    total = metered(network, x)
    with torch.no_grad():
        expected = by_hand(network, x)
    assert (total.macs, total.acs, total.adds, total.comparisons) == expected
    # Alone, or in any chunks, it is the same.
    alone = Operations.summed(metered(network, sample[None]) for sample in x)
    assert alone == total
    parts = Operations.summed(metered(network, part) for part in x.split(2))
    assert parts == total
