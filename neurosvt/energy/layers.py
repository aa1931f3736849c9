"""What the layers of this package cost: rows of tokens and kernels that PyTorch does not see.

Counted as an event-driven machine does them: a layer's account is made from the spikes that came
in and out, not from how they were computed.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from neurosvt.energy.operations import Operations
from neurosvt.energy.products import Axis, Frames, attention, nonzero, product, reaches, tally
from neurosvt.nn.attention import SpikeAttention, SpikeMix
from neurosvt.nn.batchnorm_spike import BatchNormSpike
from neurosvt.nn.embed import EventFilter, Positions, SpikingPatchEmbed, Windows
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.neuron import LIF
from neurosvt.nn.norm import FixedScale, ScaleNorm
from neurosvt.nn.reads import PositionRead
from neurosvt.nn.short_memories import NoMemory, TokenMemory
from neurosvt.nn.token_neuron import RowContext, TokenNeuron
from neurosvt.nn.tracks import Tracks
from neurosvt.ops.neighbours import with_neighbours
from neurosvt.ops.tracks import TRACK_NUMBERS


class Call(NamedTuple):
    """One pass through a layer, its arguments as `bound` says."""

    inputs: tuple[Any, ...]
    options: dict[str, Any]
    output: Any
    frames: Frames
    """In which the rows lie; in one if no model around has said so."""


def bound(
    module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call's arguments in the order in which the layer declares them, however they were given.

    By name stay those that can only be given so, and those after one that was left out.
    """
    if not options:
        return inputs, options
    try:
        given = _signature(type(module).forward).bind(module, *inputs, **options)
    except TypeError:  # which the layer will say itself
        return inputs, options
    return given.args[1:] or tuple(given.kwargs.values()), given.kwargs


@cache
def _signature(forward: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(forward)


class Account(NamedTuple):
    """How a kind of layer is counted."""

    of: Callable[[Any, Call], Operations]
    within: bool = False
    """Whether the layers within it count for themselves."""


def _unfolded(norm: nn.Module | None) -> bool:
    """Whether a scale has not been put into the weights: a multiplication for every current."""
    return isinstance(norm, ScaleNorm | FixedScale)


def _scale(module: ScaleNorm | FixedScale, call: Call) -> Operations:
    return Operations(multiplies=nonzero(call.inputs[0]))


def _linear(module: SpikeLinear, call: Call) -> Operations:
    spikes = call.inputs[0]
    done = product(spikes, module.out_features, call.frames)
    if call.options.get("scaled", True) and _unfolded(module.norm):
        done.multiplies = nonzero(call.output)
    return done


def _neurons(module: TokenNeuron, call: Call) -> Operations:
    current, *_ = call.inputs
    norm = call.inputs[3] if len(call.inputs) > 3 else call.options.get("norm")
    done = neurons(current, call.output[0])
    done.multiplies = done.updates if _unfolded(norm) else 0
    return done


def neurons(current: Tensor, spikes: Tensor) -> Operations:
    """Membranes that something came in for: each is read, updated and written."""
    updates = nonzero(current)
    return Operations(updates=updates, states=2 * updates, spikes=nonzero(spikes))


def _read(module: PositionRead, call: Call) -> Operations:
    spikes = call.inputs[0]
    outputs = module.shared.shape[1]
    done = product(spikes, outputs)
    done.weights_once = done.weights_each  # every position has weights of its own
    done.values = call.frames.count * outputs
    if _unfolded(module.norm):
        done.multiplies = nonzero(call.output)
    return done


def leaky_memory_account(
    module: LeakyMemory, call: Call, *, drive_multiplied: bool = False
) -> Operations:
    """Every channel leaks at every step, for the heads read it then; what looks back multiplies
    real numbers, in frames that may write."""
    steps = call.output[0][..., 0].numel()
    channels, writes = module.config.channels, call.frames.count
    done = Operations(updates=steps * channels, states=2 * steps * channels)
    gates = module.config.write_gates
    if module.empties:
        done.comparisons += writes * channels
    done.comparisons += writes * (gates + module.tracks)
    if module.config.looks_back:
        done.macs += writes * channels * (gates + 1)  # and the strength, of squares
        done.macs_nonzero = done.macs
        done.multiplies += writes * channels
        done.specials += writes
        done.weights_once = done.weights_each = writes * channels * gates
    if drive_multiplied:
        done.multiplies += writes * channels
    return done


def _tracks(module: Tracks, call: Call) -> Operations:
    """Votes of the tokens that fired, and a step of every line in frames that have any; in all
    others a line ages, and nothing else."""
    spikes, rows, opened = call.inputs[:3]
    lines, writes = opened.shape[-1], call.frames.count * opened.shape[-1]
    told, said = len(rows) * lines, nonzero(spikes)
    events = call.inputs[5].events
    counted = 0 if events is None else int(events[:, 0].sum())
    done = Operations(acs=3 * lines * said, rows=len(rows), updates=opened.numel())
    done.states = 2 * (opened.numel() + writes * (TRACK_NUMBERS - 1))
    # Events are counted and their places summed; a say is a ramp, and weighs both.
    done.adds = 3 * counted + 5 * told + 10 * writes
    done.macs = done.macs_nonzero = 5 * told + 6 * writes
    done.multiplies = told + 12 * writes
    done.comparisons = 2 * told
    done.specials = 5 * writes
    done.weights_once = done.weights_each = 3 * lines * said
    done.values = 3 * told
    return done


def _positions(module: Positions, call: Call) -> Operations:
    added = tally(call.inputs[0]).alive * module.table.shape[1]
    return Operations(adds=added, weights_once=added, weights_each=added)


def _mix(module: SpikeMix, call: Call) -> Operations:
    done = Operations(rows=len(call.inputs[0]))
    for q, k, v in module.by_frame(*call.inputs):
        done += attention(q, k, v)
    return done


def _rest(module: BatchNormSpike, call: Call) -> Operations:
    """One comparison of every neuron: its norm and threshold are one number at deployment."""
    x = call.inputs[0]
    return Operations(comparisons=x.numel(), spikes=nonzero(call.output), rows=len(x))


def _lif(module: nn.Module, call: Call) -> Operations:
    output = call.output if isinstance(call.output, Tensor) else call.output[0]
    return neurons(call.inputs[0], output)


def _events(module: EventFilter, call: Call) -> Operations:
    """What drops lone events and adds up those of each window; nothing where there are none."""
    frames, windows = call.inputs[0], module.windows
    kept = with_neighbours(frames, module.least_neighbours)
    size = kept.shape[-1]
    axis = Axis(windows.kernel, windows.stride, windows.border, 1)
    reach = torch.tensor(reaches(axis, size, size // windows.stride, transposed=False))
    pixels = kept.flatten().nonzero()[:, 0] % size**2
    done = Operations(adds=int((reach[pixels // size] * reach[pixels % size]).sum()))
    if module.least_neighbours:
        done += looks_around(frames)
    if windows.least > 1:
        touched = Windows(windows.kernel, windows.stride).active(kept)
        done.comparisons += int(touched.sum())
    return done


def looks_around(frames: Tensor) -> Operations:
    """Every event is held against the eight pixels around it."""
    return Operations(comparisons=8 * nonzero(frames))


def _nothing(module: nn.Module, call: Call) -> Operations:
    return Operations()


ACCOUNTS: dict[type[nn.Module], Account] = {
    EventFilter: Account(_events),
    SpikingPatchEmbed: Account(_nothing, within=True),
    Positions: Account(_positions),
    SpikeAttention: Account(_nothing, within=True),
    SpikeMix: Account(_mix),
    SpikeLinear: Account(_linear),
    TokenNeuron: Account(_neurons),
    LeakyMemory: Account(leaky_memory_account, within=True),
    Tracks: Account(_tracks, within=True),
    PositionRead: Account(_read),
    NoMemory: Account(_nothing, within=True),
    TokenMemory: Account(_nothing, within=True),
    BatchNormSpike: Account(_rest),
    LIF: Account(_lif),
    ScaleNorm: Account(_scale),
    FixedScale: Account(_scale),
}
"""Other layers are counted operator by operator."""


def account_of(module: nn.Module) -> Account | None:
    """How a layer is counted, by its kind; None for operator by operator."""
    for kind in type(module).__mro__:
        if kind in ACCOUNTS:
            return ACCOUNTS[kind]
    if any(isinstance(part, SpikingPatchEmbed) for part in module.children()):
        return Account(_nothing, within=True)  # a model of rows, which it only hands on
    return _foreign(module)


FOREIGN = (
    "snntorch._neurons.neurons.SpikingNeuron",
    "spikingjelly.activation_based.base_node.BaseNode",
    "spikingjelly.activation_based.neuron.base_node.BaseNode",
    "norse.torch.module.snn.SNNCell",
    "norse.torch.module.snn.SNN",
)
"""What other libraries' layers of neurons descend from."""


def _foreign(module: nn.Module) -> Account | None:
    """Neurons of another library, unless they have synapses within, which have to be counted."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(module).__mro__}
    if names.isdisjoint(FOREIGN) or any(p.ndim > 1 for p in module.parameters()):
        return None
    return Account(_lif)


@runtime_checkable
class Framed(Protocol):
    """What says in which frame each row lies, as `Rows` do."""

    @property
    def frame(self) -> Tensor:
        """(R,) int64: the frame of every row, from 0."""


def rows_told(inputs: tuple[Any, ...]) -> Framed | None:
    """The rows that a layer is told about."""
    told = (given.rows if isinstance(given, RowContext) else given for given in inputs)
    return next((rows for rows in told if isinstance(rows, Framed)), None)
