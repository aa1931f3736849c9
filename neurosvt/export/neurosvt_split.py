"""NeuroSVT as subgraphs, and what the host does between them.

Axes: N tokens (one a patch), D width, M memory channels, J tracks.
"""

from collections.abc import Iterator

import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.export.subgraph import (
    Between,
    Convolved,
    Fired,
    Layer,
    Leaked,
    Projected,
    Split,
    Subgraph,
)
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import side_of_square
from neurosvt.nn.block import Block
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.nn.token_neuron import TokenLIF

SPIKES, CURRENT, WHOLE = "spikes, 0 or 1", "current, in thresholds", "counts, whole numbers"
REAL = "real numbers"

ATTENTION = Between(
    "attention",
    "counts = (q k^T) v, for each head among the tokens of a frame; q, k, v: thirds of the spikes",
    "a product of spikes with spikes",
)
ADDED = Between("added", "x = x + branch", "the importers take one entry a graph")


@torch.no_grad()
def split_neurosvt(model: NeuroSVT) -> Split:
    """A NeuroSVT cut where its formats end.

    Args:
        model: on the grid (`NeuroSVT.on_grid`): norms are in the weights, and sums of spikes are
            exact in any order.

    Raises:
        UserError: not on the grid, or a memory, neurons or heads that have no such form.
    """
    for what, part, known in (
        ("memory", model.memory, LeakyMemory), ("neurons", model.fire, TokenLIF),
    ):  # fmt: skip
        if type(part) is not known:
            raise UserError(
                f"{what} {type(part).__name__} cannot be exported; {known.__name__} can"
            )
    if not isinstance(model.heads, Heads):
        raise UserError(f"heads {type(model.heads).__name__} cannot be exported; Heads can")
    if not model.folded:
        raise UserError("only a model on the grid can be cut: take its on_grid()")
    return Split(tuple(_steps(model)))


def _steps(model: NeuroSVT) -> Iterator[Subgraph | Between]:
    cfg = model.config
    decay = 1 - 1 / cfg.neuron.tau
    yield from _embedding(model, decay)
    for i, block in enumerate(model.blocks):
        yield from _block(block, f"blocks.{i}", cfg.patches, decay)
    fire = (("fire", Fired((cfg.width,), decay)),)
    yield Subgraph("read", fire, CURRENT, SPIKES, cfg.patches)
    assert isinstance(model.memory, LeakyMemory)
    assert isinstance(model.heads, Heads)
    yield from _memory(model.memory, cfg.patches)
    yield from _heads(model.heads)


def _embedding(model: NeuroSVT, decay: float) -> Iterator[Subgraph | Between]:
    cfg = model.config
    side = side_of_square(cfg, "this form")
    if cfg.least_neighbours:
        yield Between(
            "filter",
            f"an event with fewer than {cfg.least_neighbours} of its 8 neighbours firing is 0",
            "a product of spikes with spikes",
        )
    weight = model.embed.project.weight.unflatten(1, (2, cfg.kernel_size, cfg.kernel_size))
    convolved = Convolved(
        weight, weight.new_zeros(cfg.width), cfg.patch_size, cfg.windows().border, side
    )
    fired = Fired((cfg.width, cfg.grid.height, cfg.grid.width), decay)
    if cfg.least_events == 1:
        layers: tuple[tuple[str, Layer], ...] = (("project", convolved), ("fire", fired))
        yield Subgraph("embed", layers, SPIKES, SPIKES)
    else:
        yield Subgraph("embed.project", (("project", convolved),), SPIKES, CURRENT)
        yield Between(
            "least events",
            f"the current of a window with fewer than {cfg.least_events} events is 0",
            "a product of spikes with a current",
        )
        yield Subgraph("embed.fire", (("fire", fired),), CURRENT, SPIKES)
    yield Between(
        "positions",
        "x[n] = spikes[n] + table[n] where token n fired, else 0",
        "a constant that is added only where something fired",
    )


def _block(block: nn.Module, name: str, tokens: int, decay: float) -> Iterator[Subgraph | Between]:
    """Attention, then an MLP, for each of so many tokens."""
    assert isinstance(block, Block)
    attention = block.attention
    width, hidden = attention.out.weight.shape[0], block.expand.weight.shape[0]
    attend: tuple[tuple[str, Layer], ...] = (
        ("fire_attention", Fired((width,), decay)),
        ("qkv", Projected(attention.qkv.weight)),
        ("fire_qkv", Fired((3 * width,), decay)),
    )
    # A scale of each channel is written as a diagonal projection: importers know no other.
    mix: tuple[tuple[str, Layer], ...] = (
        ("norm", Projected(torch.diag(attention.norm.scale))),  # type: ignore[arg-type]
        ("fire_mixed", Fired((width,), decay)),
        ("out", Projected(attention.out.weight)),
    )
    mlp: tuple[tuple[str, Layer], ...] = (
        ("fire_in", Fired((width,), decay)),
        ("expand", Projected(block.expand.weight)),
        ("fire_hidden", Fired((hidden,), decay)),
        ("contract", Projected(block.contract.weight)),
    )
    yield Subgraph(f"{name}.attend", attend, CURRENT, SPIKES, tokens)
    yield ATTENTION
    yield Subgraph(f"{name}.mix", mix, WHOLE, CURRENT, tokens)
    yield ADDED
    yield Subgraph(f"{name}.mlp", mlp, CURRENT, CURRENT, tokens)
    yield ADDED


def _memory(memory: LeakyMemory, tokens: int) -> Iterator[Subgraph | Between]:
    read = memory.read.own.flatten(0, 1).T  # type: ignore[operator]
    layers = (("read", Projected(read)),)
    yield Subgraph("memory.read", layers, SPIKES + ", token after token", CURRENT)
    gate = "empty = spike(emptied - 1)"
    if memory.config.write_gates:
        gate += ", open = spike(write + 1 + look v / rms(v)) where a token fired"
    yield Between(
        "gates",
        f"{gate}; current = open drive - decay open (forget + (1 - forget) empty) v",
        "a product of spikes with a charge",
    )
    yield Subgraph("memory.leak", (("leak", Leaked(memory.tau())),), CURRENT, CURRENT)
    if memory.config.tracks:
        lines = memory.lines
        weight = torch.cat([lines.vote, lines.offset], 1).T
        bias = torch.cat([lines.bias, lines.bias.new_zeros(len(weight) - len(lines.bias))])
        vote = (("vote", Projected(weight, bias)),)
        yield Subgraph("tracks.vote", vote, SPIKES, REAL, tokens)
        yield Between(
            "tracks",
            "say = clip(vote / 4 + 1/2, 0, 1); the events' centre weighted by it, then recursive "
            "least squares (ops.tracks.fitted_tracks)",
            "a clipped ramp, products and quotients of numbers that change",
        )


def _heads(heads: Heads) -> Iterator[Subgraph | Between]:
    yield Between(
        "features",
        "channels over their strength, logarithms of strengths" + (
            ", numbers of tracks" if hasattr(heads, "choose") else ""
        ),
        "roots, quotients and logarithms of numbers that change",
    )  # fmt: skip
    first = True
    for name, layer in asked_layers(heads).items():
        if not first:
            yield Between("gelu", "x = gelu(x); deeper layers add to x", "no such node")
        first = False
        layers = ((name.rpartition(".")[2], Projected(layer.weight, layer.bias)),)
        yield Subgraph(f"heads.{name}", layers, REAL, REAL)
    yield Between("answer", "the position through a sigmoid, or chosen by softmax among tracks",
                  "a sigmoid or a softmax")  # fmt: skip


def asked_layers(heads: Heads) -> dict[str, nn.Linear]:
    """The affine maps of the heads, by name."""
    return {name: part for name, part in heads.named_modules() if isinstance(part, nn.Linear)}
