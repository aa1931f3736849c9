"""Every op that has a kernel, called with whatever a user may have: right, or refused in one line.

python tests/ops/fuzz_door.py COUNT [SEED] runs it at length; test_door.py a little of it. What is
right, the definition says (backend "reference"), called with plain tensors and numbers.
"""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neurosvt.ops import native
from neurosvt.ops.attention_by_frame import _definition as attention_definition
from neurosvt.ops.attention_by_frame import attention_by_frame
from neurosvt.ops.batchnorm_spike import BatchStats, batchnorm_spike
from neurosvt.ops.gated_memory import gated_memory
from neurosvt.ops.groups import _definition as groups_definition
from neurosvt.ops.groups import sum_of_products
from neurosvt.ops.lif import lif, lif_rows
from neurosvt.ops.memory import leaky_memory
from neurosvt.ops.neighbours import with_neighbours, with_neighbours_reference
from neurosvt.ops.rows import pack
from neurosvt.ops.scale import scale_by_rms
from neurosvt.ops.scaled_lif import rms_lif_rows, scaled_lif_rows
from neurosvt.ops.spike_product import _definition as product_definition
from neurosvt.ops.spike_product import spike_product
from neurosvt.ops.tracks import fitted_tracks

FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
OTHERS = (torch.int64, torch.uint8, torch.bool, torch.complex64)
BACKENDS = ("auto", "native", "manual")
SIZES = (0, 1, 2, 3, 7, 16, 33)


class Trial(NamedTuple):
    """One call: an op that takes a backend, its inputs, and which of them learn."""

    op: Callable[..., Any]
    inputs: list[Any]
    learns: list[int]


class Dice:
    """Draws from one seed, whatever PyTorch's own generator and default type are."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def below(self, most: int) -> int:
        return int(torch.randint(most, (), generator=self.generator))

    def of(self, values: Any) -> Any:
        return values[self.below(len(values))]

    def chance(self, share: float) -> bool:
        return self.below(1000) < 1000 * share

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float32)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, dtype=torch.float32)

    def spikes(self, *shape: int) -> Tensor:
        return (self.uniform(*shape) < 0.4).float()


def neurons(dice: Dice) -> Trial:
    """`lif` over steps; decays as numbers and tensors of every shape that broadcasts."""
    steps, batch, width = (dice.of(SIZES) for _ in range(3))
    decay: Any = dice.of((0.0, 0.3, 0.99))
    if dice.chance(0.5):
        decay = 0.98 * dice.uniform(*dice.of(((), (1,), (width,), (batch, width), (batch, 1))))
    options = {
        "reset": dice.of(("hard", "soft")),
        "surrogate": dice.of(("arctan", "sigmoid")),
        "decay_input": dice.chance(0.3),
    }

    def op(current: Any, v: Any, decay: Any, threshold: Any, slope: Any, backend: str) -> Any:
        return lif(
            current, v, decay=decay, threshold=threshold, slope=slope, backend=backend, **options
        )

    inputs = [
        2 * dice.normal(steps, batch, width), dice.of((None, dice.uniform(batch, width))), decay,
        dice.of((1.0, 0.5)), dice.of((None, 2.0, 4.0)),
    ]  # fmt: skip
    return Trial(op, inputs, [0, 1, 2, 3, 4])


def ragged(dice: Dice) -> Trial:
    """`lif_rows`, and with a norm before it, over tokens touched unequally often."""
    rows = pack(dice.uniform(dice.of(SIZES[1:]), dice.of(SIZES), dice.of(SIZES)) < 0.4)
    width = dice.of(SIZES)
    keep = 0.7 ** rows.elapsed[:, None].float()
    sizes = rows.batch_sizes

    def plain(x: Any, v: Any, keep: Any, gain: Any, backend: str) -> Any:
        return lif_rows(x, v, batch_sizes=sizes, keep=keep, backend=backend)

    def normed(x: Any, v: Any, keep: Any, gain: Any, backend: str) -> Any:
        return rms_lif_rows(x, gain, 1e-5, v, batch_sizes=sizes, keep=keep, backend=backend)

    def scaled(x: Any, v: Any, keep: Any, gain: Any, backend: str) -> Any:
        return scaled_lif_rows(x, gain, v, batch_sizes=sizes, keep=keep, backend=backend)

    inputs = [
        2 * dice.normal(len(rows), width), dice.uniform(len(rows.sorted_indices), width), keep,
        0.5 + dice.uniform(width),
    ]  # fmt: skip
    op = dice.of((plain, normed, scaled))
    return Trial(op, inputs, [0, 1] if op is plain else [0, 1, 3])


def norms(dice: Dice) -> Trial:
    """`scale_by_rms` and `batchnorm_spike`."""
    rows, width = dice.of(SIZES), dice.of(SIZES)
    x, gain = 2 * dice.normal(rows, width), 0.5 + dice.uniform(width)
    if dice.chance(0.5):
        return Trial(lambda x, g, backend: scale_by_rms(x, g, 1e-5, backend), [x, gain], [0, 1])
    moments = dice.chance(0.5)

    def op(x: Any, w: Any, b: Any, k: Any, mean: Any, variance: Any, backend: str) -> Any:
        given = BatchStats(mean, variance) if moments else None
        return batchnorm_spike(x, w, b, k, moments=given, backend=backend)

    slope, apart = 1 + 4 * dice.uniform(rows, 1), dice.normal(width)
    return Trial(op, [x, gain, apart, slope, 0.1 * apart, 0.5 + gain], [0, 1, 2, 3])


def memories(dice: Dice) -> Trial:
    """`leaky_memory`, and behind write gates."""
    steps, batch, gates = dice.of(SIZES[1:]), dice.of(SIZES), dice.of((1, 2, 4))
    channels = gates * dice.of((1, 3, 8))
    drive, gate = dice.normal(steps, batch, channels), dice.spikes(steps, batch, channels)
    v, decay = dice.normal(batch, channels), dice.uniform(channels)
    if dice.chance(0.4):
        return Trial(leaky_memory, [drive, gate, v, decay], [0, 1, 2, 3])
    look = dice.of((None, 0.3 * dice.normal(channels, gates)))
    noise = dice.of((None, 0.1 * dice.normal(steps, batch, channels)))
    said = dice.of((None, dice.uniform(steps, batch) < 0.7))
    forget = dice.of((None, dice.uniform(channels)))

    def kept(*given: Any, backend: str) -> Any:
        drive, gate, write, v, decay, look, noise, forget = given
        return gated_memory(drive, gate, write, v, decay, look, noise, backend, said, forget)

    inputs = [drive, gate, dice.normal(steps, batch, gates), v, decay, look, noise, forget]
    return Trial(kept, inputs, [0, 1, 2, 3, 4, 5, 7])


def tracks(dice: Dice) -> Trial:
    """`fitted_tracks`, on from tracks that may hold nothing yet."""
    steps, batch, many = dice.of(SIZES[1:]), dice.of(SIZES), dice.of((1, 3, 8))
    votes = dice.uniform(steps, batch, many) * dice.spikes(steps, batch, many)
    opened, emptied = dice.spikes(steps, batch, many), dice.spikes(steps, batch, many)
    begun = dice.uniform(batch, many, 8) * dice.spikes(batch, many, 1)
    noise = dice.of((None, 0.01 * dice.normal(steps, batch, many, 7)))
    inputs = [
        dice.normal(steps, batch, many, 2), votes, opened, emptied, begun, dice.uniform(many),
        0.1 + dice.uniform(many), 0.03, noise,
    ]  # fmt: skip
    return Trial(fitted_tracks, inputs, [0, 1, 2, 3, 4, 5, 6])


def frames(dice: Dice) -> Trial:
    """`with_neighbours`, of frames whose bytes may hold anything but 0 for an event."""
    shape = (dice.of(SIZES), dice.of((0, 1, 3)), 2, dice.of(SIZES[1:]), dice.of(SIZES[1:]))
    pixels, least = dice.uniform(*shape) < 0.3, dice.of((0, 1, 2, 9, 300))
    value = dice.of((1, 2, 255))

    def op(frames: Tensor, backend: str) -> Tensor:
        if backend == "reference":
            return with_neighbours_reference(frames, least)
        return with_neighbours((frames.to(torch.uint8) * value).view(torch.bool), least)

    return Trial(op, [pixels], [])


def sums(dice: Dice) -> Trial:
    """What goes from spike to spike: products, reads by group, attention by frame."""
    rows, width = dice.of(SIZES), dice.of(SIZES)
    spikes = dice.spikes(rows, width)
    if dice.chance(0.4):
        spikes = (dice.uniform(rows, width) < 0.1).float()  # few: their rows are added up
        return Trial(product, [spikes, dice.normal(dice.of(SIZES), width)], [0, 1])
    if dice.chance(0.5):
        groups, outputs = dice.of((1, 2, 5)), dice.of(SIZES)
        home = torch.arange(rows) // groups
        group, count = torch.arange(rows) % groups, rows // groups + 1

        def read(x: Any, weight: Any, backend: str) -> Any:
            way = groups_definition if backend == "reference" else sum_of_products
            return way(x, weight, group, home, count)

        return Trial(read, [spikes, dice.normal(groups, width, outputs)], [0, 1])
    order = torch.randperm(rows, generator=dice.generator)
    cuts = sorted({0, rows, *(dice.below(rows + 1) for _ in range(3))})

    def attend(qkv: Any, backend: str) -> Any:
        fits = backend != "reference" and native.suits(qkv)
        way = attention_by_frame if fits else attention_definition
        return way(qkv, order, torch.tensor(cuts))

    return Trial(attend, [dice.spikes(rows, 3, dice.of((1, 2)), dice.of((0, 1, 4, 7)))], [0])


def product(spikes: Any, weight: Any, backend: str) -> Any:
    """A product of spikes with weights that learn."""
    return (product_definition if backend == "reference" else spike_product)(spikes, weight)


TRIALS = (neurons, neurons, ragged, norms, memories, tracks, frames, sums)


def disguised(x: Any, dice: Dice, learns: bool) -> Any:
    """The same numbers, as a user may have them: another layout, a tensor for a number."""
    if not isinstance(x, Tensor):
        if not isinstance(x, float) or dice.chance(0.5):
            return x
        x = torch.tensor(x, dtype=dice.of((torch.float32, torch.float64)))
        return nn.Parameter(x) if learns and dice.chance(0.4) else x
    way = dice.below(6)
    if way == 1 and x.ndim > 1:
        x = x.transpose(0, -1).contiguous().transpose(0, -1)
    elif way == 2 and x.ndim:
        x = torch.stack([x, x + 1 if x.dtype is not torch.bool else ~x], -1)[..., 0]
    elif way == 3 and x.is_floating_point():
        x = torch._neg_view(-x)  # a minus that is still to be done
    elif way == 4 and x.numel():
        x = torch.cat([x.flatten()[:1], x.flatten()])[1:].view(x.shape)
    elif way == 5 and x.ndim and len(x):
        x = x[:1].expand_as(x)
    return x


def outcome(trial: Trial, inputs: list[Any], backend: str, order: int) -> list[Tensor]:
    """Results, and gradients of the first or second order, of the inputs that learn."""
    leaves = [
        x.detach().requires_grad_()
        if order and i in trial.learns and isinstance(x, Tensor) and x.is_floating_point()
        else x
        for i, x in enumerate(inputs)
    ]
    found = trial.op(*leaves, backend=backend)
    results = list(found) if isinstance(found, tuple) else [found]
    flat = [y for x in results for y in (x if isinstance(x, tuple) else (x,))]
    learnt = [x for x in leaves if isinstance(x, Tensor) and x.requires_grad]
    for level in range(order):
        carrying = [x for x in flat if x.requires_grad]
        if not carrying or not learnt:
            break
        weights = torch.Generator().manual_seed(level)
        loss = sum(
            (x.double() * torch.randn(x.shape, generator=weights, dtype=torch.float64)).sum()
            for x in carrying
        )
        grads = torch.autograd.grad(loss, learnt, create_graph=level + 1 < order, allow_unused=True)
        flat += [
            torch.zeros_like(x) if g is None else g for x, g in zip(learnt, grads, strict=True)
        ]
    return flat


def plain(x: Any) -> Any:
    """Without disguise: in one piece, a number for a tensor of one that does not learn."""
    if not isinstance(x, Tensor):
        return x
    return x.detach().resolve_neg().clone(memory_format=torch.contiguous_format)


ROUGH = {torch.bfloat16: 5e-2, torch.float16: 2e-2}
HAIR = 1e-6
"""How far sums of float32 lie apart that come in another order, as a share."""


def alike(found: list[Tensor], right: list[Tensor], rough: float) -> list[Tensor] | None:
    """Which numbers are right to the rounding of the roughest of them; what cancels is rounded as
    the largest numbers are. None: types or shapes are not as they should be."""
    if [(x.dtype, x.shape) for x in found] != [(x.dtype, x.shape) for x in right]:
        return None
    largest = [largest_of(x) for x in right]
    whole = (HAIR if rough < min(ROUGH.values()) else rough) * max(largest)
    return [
        torch.isclose(
            one.double(), two.double(), rtol=rough, atol=rough * max(1.0, own) + whole,
            equal_nan=True,
        )
        for one, two, own in zip(found, right, largest, strict=True)
    ]  # fmt: skip


def within_a_hair(
    trial: Trial, inputs: list[Any], order: int, like: list[Tensor]
) -> Iterator[list[Tensor]]:
    """What the definition says without rounding of inputs that differ by less than rounding: a
    current at its threshold may fire or not, for sums that come in another order."""
    for share in (0, HAIR, -HAIR):
        moved = [
            x.double() * (1 + share) if isinstance(x, Tensor) and x.is_floating_point() else x
            for x in inputs
        ]
        exact = outcome(trial, moved, "reference", order)
        yield [x.to(one.dtype) for x, one in zip(exact, like, strict=True)]


def largest_of(x: Tensor) -> float:
    """The largest finite size of its numbers."""
    return float(x.detach().double().abs().nan_to_num(0, 0, 0).max()) if x.numel() else 0.0


def one(seed: int, alone: bool = True) -> str:
    """What became of one call: "right", "refused" or "wrong: ...". Alone, it may change what all
    threads share: the default type."""
    dice = Dice(seed)
    make = dice.of(TRIALS)
    trial, backend, order = make(dice), dice.of(BACKENDS), dice.of((0, 0, 1, 1, 2))
    kind = dice.of(FLOATS[:1] * 3 + FLOATS[1:] + OTHERS[:1])
    inputs = list(trial.inputs)
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.is_floating_point():
            continue
        if i == 0 or dice.chance(0.15):
            x = x.to(kind if i == 0 else dice.of(FLOATS + OTHERS))
        inputs[i] = x
    dressed = [disguised(x, dice, i in trial.learns) for i, x in enumerate(inputs)]
    default, threads = dice.of((torch.float32, torch.float64, torch.bfloat16)), dice.of((1, 2, 3))
    before = torch.get_default_dtype(), torch.get_num_threads()
    try:
        right = outcome(trial, [plain(x) for x in dressed], "reference", order)
    except (ValueError, TypeError, RuntimeError, NotImplementedError):
        right = None
    if alone:
        torch.set_default_dtype(default)
        torch.set_num_threads(threads)
    try:
        found = outcome(trial, dressed, backend, order)
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
        # What a signature does not take, the hook that checks them says in many lines.
        if "\n" not in str(error).strip() or "Type-check error" in str(error):
            return "refused"
        return f"wrong: {make.__name__} {seed}: {type(error).__name__}: {str(error)[:200]}"
    finally:
        if alone:
            torch.set_default_dtype(before[0])
            torch.set_num_threads(before[1])
    if right is None:
        return f"wrong: {make.__name__} {seed}: taken, and refused by the definition"
    rough = max(ROUGH.get(x.dtype, 2e-4) for x in inputs if isinstance(x, Tensor))
    said = f"{make.__name__} {seed} {backend}, order {order}, {kind}"
    near = alike(found, right, rough)
    if near is None:
        return f"wrong: {said}: another type or shape"
    if not all(x.all() for x in near):
        for exact in within_a_hair(trial, [plain(x) for x in dressed], order, right):
            also = alike(found, exact, rough)
            near = [x | y for x, y in zip(near, also or near, strict=True)]
    good = all(x.all() for x in near)
    return "right" if good else f"wrong: {said}"


def run(count: int, seed: int, callers: int = 1) -> Counter[str]:
    """So many calls, by so many threads at a time."""
    outcomes: Counter[str] = Counter()

    def some(first: int) -> None:
        for i in range(first, count, callers):
            outcomes[one(seed + i, callers == 1)] += 1

    threads = [threading.Thread(target=some, args=(i,)) for i in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


if __name__ == "__main__":
    found = run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for what, often in found.most_common():
        print(often, what)
    sys.exit(any(what.startswith("wrong") for what in found))
