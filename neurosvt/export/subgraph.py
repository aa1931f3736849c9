"""What a model is cut into: chains of layers that every exchange format knows, and what stands
between them.

Axes: *b any batch axes, usually samples and tokens; I channels in, E channels out; Y X places.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Projected:
    """`W x + b`, or `W x`."""

    weight: Float[Tensor, "E I"]
    bias: Float[Tensor, " E"] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what comes out, for one of the batch."""
        return (len(self.weight),)


@dataclass(frozen=True)
class Convolved:
    """A convolution of square frames, from corner to corner."""

    weight: Float[Tensor, "E C K K"]
    bias: Float[Tensor, " E"]
    stride: int
    padding: int
    side: int
    """Pixels of the frame's side."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what comes out, for one of the batch."""
        places = (self.side + 2 * self.padding - self.weight.shape[-1]) // self.stride + 1
        return (len(self.weight), places, places)


@dataclass(frozen=True)
class Fired:
    """LIF neurons with a threshold of 1, undivided drive and hard reset, as `ops.lif.lif`.

    A decay of 0 is a neuron that runs for one step from rest: it fires where its current reaches 1.
    """

    shape: tuple[int, ...]
    decay: float = 0.0


@dataclass(frozen=True)
class Leaked:
    """`v[t] = (1 - 1/tau) v[t-1] + x[t]`, which never fires and gives out v."""

    tau: Float[Tensor, " E"]
    """Time constants, in steps."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what comes out, for one of the batch."""
        return (len(self.tau),)


Layer: TypeAlias = Projected | Convolved | Fired | Leaked


@dataclass(frozen=True)
class Subgraph:
    """A chain of layers with one entry and one exit."""

    name: str
    layers: tuple[tuple[str, Layer], ...]
    """By name, in the order in which they are passed."""
    takes: str
    """What comes in, and in which unit."""
    gives: str
    """What goes out, and in which unit."""
    copies: int = 1
    """How many there are of it, with the same weights and states of their own: one a token."""

    @property
    def entry(self) -> tuple[int, ...]:
        """Shape of what comes in, for one copy."""
        first = self.layers[0][1]
        if isinstance(first, Projected):
            return (first.weight.shape[1],)
        if isinstance(first, Convolved):
            return (first.weight.shape[1], first.side, first.side)
        return first.shape

    @property
    def exit(self) -> tuple[int, ...]:
        """Shape of what goes out, for one copy."""
        return self.layers[-1][1].shape


@dataclass(frozen=True)
class Between:
    """What the host does between two subgraphs, because the formats have no node for it."""

    name: str
    formula: str
    why: str


@dataclass(frozen=True)
class Split:
    """A model as subgraphs and what comes between them, in the order of their work."""

    steps: tuple[Subgraph | Between, ...]

    @property
    def subgraphs(self) -> dict[str, Subgraph]:
        """Those that are written to files, by name."""
        return {step.name: step for step in self.steps if isinstance(step, Subgraph)}


class PlainRuntime:
    """The subgraphs in PyTorch: the definition that foreign simulators are held against.

    Called once a step with the name of a subgraph and what enters it. It keeps their membranes, so
    one runtime is for one sequence.
    """

    def __init__(self, split: Split):
        self.subgraphs = split.subgraphs
        self.membranes: dict[tuple[str, str], Tensor] = {}

    def __call__(self, name: str, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        for layer_name, layer in self.subgraphs[name].layers:
            key = (name, layer_name)
            x, v = _passed(layer, x, self.membranes.get(key))
            if v is not None:
                self.membranes[key] = v
        return x


def _passed(layer: Layer, x: Tensor, v: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """What a layer gives in one step, and its membranes after it."""
    if isinstance(layer, Projected):
        return F.linear(x, layer.weight, layer.bias), None
    if isinstance(layer, Convolved):
        return F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding), None
    v = torch.zeros_like(x) if v is None else v
    if isinstance(layer, Leaked):
        v = (1 - 1 / layer.tau) * v + x
        return v, v
    charge = layer.decay * v + x
    spikes = (charge >= 1).to(x.dtype)
    return spikes, charge * (1 - spikes)
