"""What the engine did, as the energy meter tells it: `energy.layers` has the definitions.

The engine counts some numbers a layer; their meaning depends on the layer:

    filter      events, windows that they reach, windows that any reached
    a product   vectors that came in, those with a spike, spikes, inputs with one; and of what is
                added up or read, outputs that are not 0
    neurons     driven, fired
    positions   tokens
    mix         vectors, additions, numbers in between
    memory      frames that said something, frames
    lines       tokens, spikes, events of these tokens, frames that said something, frames
    read        as a product, but frames for inputs
    heads       beliefs
    a layer     vectors of real numbers, their non-zeros, vectors of spikes, these
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from neurosvt.energy.operations import Operations
from neurosvt.engine.layout import COLUMNS
from neurosvt.engine.plan import choice_of, dense_layers, read_channels, tracks_of
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.nn.heads import Heads
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.ops.tracks import TRACK_NUMBERS

Numbers = Sequence[int]


@dataclass(frozen=True)
class CountedModel:
    """What has to be known of a model to say what its counts mean."""

    config: NeuroSVTConfig
    classes: int
    names: tuple[str, ...]
    """Layers, in the order in which they are counted."""
    channels: int
    """Of the memory, without its tracks."""
    tracks: int
    """Of the memory, `TRACK_NUMBERS` behind its channels each."""
    strengths: int
    by_group: bool
    leaky: bool
    empties: bool
    gates: int
    looks_back: bool
    reads: int
    """Numbers that a frame says."""
    heads_read: int
    """Channels that the heads read."""
    choose_among: int
    """Tracks from which they take the position; 0 where they tell it themselves."""
    kinds: int
    """Of what each of these tracks offers."""
    corrects: bool
    """Whether the heads correct what tracks get wrong."""
    heads: tuple[tuple[int, int], ...]
    """Inputs and outputs of the layers of the heads."""
    scaled: bool
    """Whether norms are multiplications of their own."""

    @classmethod
    def of(cls, model: NeuroSVT, names: Sequence[str]) -> "CountedModel":
        memory, heads = model.memory, model.heads
        assert isinstance(heads, Heads)
        _, kinds, corrects = choice_of(heads)
        leaky = isinstance(memory, LeakyMemory)
        read = getattr(memory, "read", None)
        return cls(
            config=model.config,
            classes=heads.classes,
            names=tuple(names),
            channels=memory.channels - TRACK_NUMBERS * memory.tracks,
            tracks=memory.tracks,
            strengths=heads.strengths,
            by_group=heads.by_group,
            leaky=leaky,
            empties=isinstance(memory, LeakyMemory) and memory.empties,
            gates=memory.config.write_gates if isinstance(memory, LeakyMemory) else 0,
            looks_back=isinstance(memory, LeakyMemory) and memory.config.looks_back,
            reads=0 if read is None else int(read.shared.shape[1]),
            heads_read=read_channels(heads),
            choose_among=tracks_of(heads),
            kinds=kinds,
            corrects=corrects,
            heads=tuple((x.in_features, x.out_features) for _, x in dense_layers(heads)),
            scaled=not model.folded,
        )

    @property
    def numbers(self) -> int:
        """That the memory shows the heads."""
        return self.channels + TRACK_NUMBERS * self.tracks


def operations_of(counts: np.ndarray, account: CountedModel) -> dict[str, Operations]:
    """(L, 5) counts of some steps, as operations by the name of the layer; layers that did nothing
    are left out."""
    cfg, done = account.config, {}
    asked = int(counts[account.names.index("heads"), 0])
    for name, row in zip(account.names, counts.tolist(), strict=True):
        done[name] = _account_of(name)(name, row, account)
    for name, (_, out) in zip(account.names[-len(account.heads) :], account.heads, strict=True):
        done[name] += Operations(adds=asked * out, rows=asked)
    for b in range(cfg.depth):  # two branches are added in every block
        rows = int(counts[account.names.index(f"blocks.{b}.contract"), 0])
        if rows:
            done[f"blocks.{b}"] = Operations(adds=2 * rows * cfg.width)
    return {name: found for name, found in done.items() if found}


def total_of(counts: np.ndarray, account: CountedModel) -> Operations:
    """All layers together. Every number of operations is a sum of counts, so that the sums of one
    of each, taken once, are all that has to be known."""
    return Operations(*(counts.reshape(-1) @ _worth(account)).tolist())


@cache
def _worth(account: CountedModel) -> np.ndarray:
    """What one of every count is worth, as operations."""
    one = np.eye(len(account.names) * COLUMNS, dtype=np.int64).reshape(
        -1, len(account.names), COLUMNS
    )
    totals = (Operations.summed(operations_of(counts, account).values()) for counts in one)
    return np.array([list(vars(total).values()) for total in totals])


def _account_of(name: str) -> Callable[[str, Numbers, CountedModel], Operations]:
    last = name.rsplit(".", 1)[-1]
    if last.startswith("fire"):
        return _neurons
    if name.startswith("heads."):
        return _dense
    return {
        "filter": _filter, "positions": _positions, "mix": _mix, "read": _read, "memory": _memory,
        "lines": _lines, "heads": _heads,
    }.get(last, _product)  # fmt: skip


def _filter(name: str, row: Numbers, account: CountedModel) -> Operations:
    events, reached, touched, *_ = row
    looks = 8 * events if account.config.least_neighbours else 0
    return Operations(
        adds=reached, comparisons=looks + (touched if account.config.least_events > 1 else 0)
    )


def _outputs(name: str, account: CountedModel) -> int:
    cfg = account.config
    hidden = round(cfg.width * cfg.mlp_ratio)
    last = name.rsplit(".", 1)[-1]
    return {"qkv": 3 * cfg.width, "expand": hidden}.get(last, cfg.width)


def _product(name: str, row: Numbers, account: CountedModel) -> Operations:
    return _summed_up(row, _outputs(name, account), account)


def _summed_up(row: Numbers, out: int, account: CountedModel) -> Operations:
    """Weights of so many outputs, added up by spikes; then their norm."""
    rows, alive, spikes, needed, outputs = row
    return Operations(
        acs=spikes * out, rows=rows, weights_once=needed * out, weights_each=spikes * out,
        values=alive * out, multiplies=outputs if account.scaled else 0,
    )  # fmt: skip


def _neurons(name: str, row: Numbers, account: CountedModel) -> Operations:
    updates, spikes, *_ = row
    # Behind the attention's counts there is a scale that folds into no weights.
    behind = ("attention.fire", "fire_qkv", "fire_hidden", "embed.fire")
    scaled = name.endswith("attention.fire") or (account.scaled and name.endswith(behind))
    return Operations(
        updates=updates, states=2 * updates, spikes=spikes, multiplies=updates if scaled else 0
    )


def _positions(name: str, row: Numbers, account: CountedModel) -> Operations:
    added = row[0] * account.config.width
    return Operations(adds=added, weights_once=added, weights_each=added)


def _mix(name: str, row: Numbers, account: CountedModel) -> Operations:
    rows, additions, values, *_ = row
    return Operations(acs=additions, rows=rows, values=values)


def _read(name: str, row: Numbers, account: CountedModel) -> Operations:
    rows, _, spikes, frames, outputs = row  # every position has weights of its own
    return _summed_up((rows, frames, spikes, spikes, outputs), account.reads, account)


def _memory(name: str, row: Numbers, account: CountedModel) -> Operations:
    writes, steps, *_ = row
    if not account.leaky:
        return Operations()
    M, gates = account.channels, account.gates
    done = Operations(
        updates=steps * M, states=2 * steps * M, comparisons=writes * (gates + account.tracks)
    )
    done.comparisons += writes * M if account.empties else 0
    if account.looks_back:
        done.macs = done.macs_nonzero = writes * M * (gates + 1)
        done.multiplies, done.specials = writes * M, writes
        done.weights_once = done.weights_each = writes * M * gates
    return done


def _lines(name: str, row: Numbers, account: CountedModel) -> Operations:
    """As `energy.layers` has it of `nn.tracks.Tracks`."""
    tokens, spikes, events, writes, steps = row
    J = account.tracks
    told, writes, steps, read = tokens * J, writes * J, steps * J, 3 * J * spikes
    return Operations(
        acs=read, rows=tokens, updates=steps, adds=3 * events + 5 * told + 10 * writes,
        macs=5 * told + 6 * writes, macs_nonzero=5 * told + 6 * writes,
        multiplies=told + 12 * writes, comparisons=2 * told, specials=5 * writes,
        weights_once=read, weights_each=read, values=3 * told,
        states=2 * (steps + writes * (TRACK_NUMBERS - 1)),
    )  # fmt: skip


def _heads(name: str, row: Numbers, account: CountedModel) -> Operations:
    """What is done with the charge and between the layers, once a belief."""
    asked, M, groups = row[0], account.heads_read, account.strengths
    J, layers = account.choose_among, [out for _, out in account.heads]
    # What is told of tracks and offered by them, and their mean, in place of two sigmoids.
    hidden, choice = (layers[:-3], layers[-2] + 7 * J) if J else (layers[:-1], 2)
    done = Operations(
        # Means of squares and their small addends; the layers that add to what comes in.
        adds=asked
        * (
            (0 if account.by_group else M + 1)
            + (M + groups if groups else 0)
            + sum(hidden[1:])
            + 15 * J
        ),
        multiplies=asked * (2 * M + groups + 14 * J),
        comparisons=asked * 9 * J,
        specials=asked * ((groups if account.by_group else 1) + groups + sum(hidden) + choice),
    )
    if account.kinds > 2:
        each = asked * J
        done += Operations(
            adds=19 * each, multiplies=10 * each, comparisons=4 * each, specials=7 * each
        )
    if account.corrects:
        offers = 2 * account.kinds * J  # numbers
        done += Operations(
            adds=asked * (offers + 7 * J + 11), multiplies=asked * (offers + 5 * J + 14),
            comparisons=asked * offers, specials=asked * 3,
        )  # fmt: skip
    return done


def _dense(name: str, row: Numbers, account: CountedModel) -> Operations:
    vectors, numbers, alive, spikes, *_ = row
    into, out = account.heads[account.names.index(name) - account.names.index("heads.hidden")]
    return Operations(
        macs=vectors * into * out, macs_nonzero=numbers * out, acs=spikes * out,
        weights_once=(numbers + spikes) * out, weights_each=(vectors * into + spikes) * out,
        values=vectors * (into + out) + alive * out,
    )  # fmt: skip
