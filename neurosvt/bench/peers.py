"""The same neurons in other people's libraries, where these are installed.

Each gets the form that its own documentation shows for many steps, the same decay (1/2), undivided
drive, hard reset and an arctan-like surrogate, and starts from rest.
"""

from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise

import torch
from torch import Tensor, nn

Neurons = Callable[[Tensor], Tensor]
"""Current (T, ...) to spikes (T, ...)."""


def spikingjelly() -> Neurons:
    """Fang et al., Science Advances 2023; multi-step mode on PyTorch."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    node = neuron.LIFNode(
        tau=2.0, decay_input=False, detach_reset=True, step_mode="m",
        surrogate_function=surrogate.ATan(),
    )  # fmt: skip

    def run(current: Tensor) -> Tensor:
        functional.reset_net(node)
        spikes: Tensor = node(current)
        return spikes

    return run


def snntorch() -> Neurons:
    """Eshraghian et al., Proceedings of the IEEE 2023; a loop over time, as in its tutorials."""
    import snntorch as snn

    node = snn.Leaky(beta=0.5, reset_mechanism="zero", reset_delay=False)

    def run(current: Tensor) -> Tensor:
        v, spikes = torch.zeros_like(current[0]), []
        for i in current:
            s, v = node(i, v)
            spikes.append(s)
        return torch.stack(spikes)

    return run


def norse() -> Neurons:
    """Pehle and Pedersen 2021; its LIF without a synaptic current, a step of half its tau."""
    from norse.torch.functional.lif_box import (
        LIFBoxFeedForwardState,
        LIFBoxParameters,
        lif_box_feed_forward_step,
    )

    def run(current: Tensor) -> Tensor:
        state, spikes = LIFBoxFeedForwardState(v=torch.zeros_like(current[0])), []
        for i in current:
            s, state = lif_box_feed_forward_step(2 * i, state, LIFBoxParameters(), dt=0.005)
            spikes.append(s)
        return torch.stack(spikes)

    return run


PEER_NEURONS: dict[str, Callable[[], Neurons]] = {
    "spikingjelly": spikingjelly,
    "snntorch": snntorch,
    "norse": norse,
}


def installed() -> list[str]:
    """Which of them can be measured here."""
    return [name for name in PEER_NEURONS if find_spec(name)]


def spikformer(classes: int = 11, width: int = 256, depth: int = 2, heads: int = 16) -> nn.Module:
    """Spikformer-2-256 of SpikingJelly's layers, for frames (T, B, 2, 128, 128); 64 tokens.

    Source: Zhou et al., ICLR 2023, sec. 4.2 and their code for DVS128 Gesture: four stages of
    convolution, norm, LIF and pooling, then blocks of spiking self-attention and MLP.
    """
    from spikingjelly.activation_based import layer, neuron

    def lif() -> nn.Module:
        node: nn.Module = neuron.LIFNode(tau=2.0, detach_reset=True, step_mode="m")
        return node

    def conv(before: int, after: int) -> list[nn.Module]:
        return [
            layer.SeqToANNContainer(
                nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)
            ),
            lif(),
        ]

    def point(before: int, after: int) -> list[nn.Module]:
        return [
            layer.SeqToANNContainer(nn.Conv1d(before, after, 1), nn.BatchNorm1d(after)),
            lif(),
        ]

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = [2, width // 8, width // 4, width // 2, width]
            stages: list[nn.Module] = []
            for before, after in pairwise(widths):
                stages += [*conv(before, after), layer.SeqToANNContainer(nn.MaxPool2d(2))]
            self.stem = nn.Sequential(*stages)
            self.where = nn.Sequential(*conv(width, width))
            self.mix = nn.ModuleList(layer.SpikingSelfAttention(width, heads) for _ in range(depth))
            self.mlp = nn.ModuleList(
                nn.Sequential(*point(width, 4 * width), *point(4 * width, width))
                for _ in range(depth)
            )
            self.head = nn.Linear(width, classes)

        def forward(self, frames: Tensor) -> Tensor:
            x = self.stem(frames)
            x = (x + self.where(x)).flatten(3)
            for mix, mlp in zip(self.mix, self.mlp, strict=True):
                x = x + mix(x)
                x = x + mlp(x)
            logits: Tensor = self.head(x.mean(-1))
            return logits

    return Model()


def reset(model: nn.Module) -> None:
    """What SpikingJelly's models need between sequences."""
    from spikingjelly.activation_based import functional

    functional.reset_net(model)
