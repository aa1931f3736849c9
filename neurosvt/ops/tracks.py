"""Tracks: lines through what is voted for, fitted as it comes and read on in closed form.

A track keeps where something was when it was last written to, and how fast it went: the weighted
least-squares line through the votes so far, of which a share is forgotten at every write. Between
writes it ages and does not change, so that darkness of any length costs it nothing.

`tracks_reference` is the definition; the kernel has its backward pass written out.

Axes: T time steps, B batch, J tracks.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.memory import stored
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, ready
from neurosvt.ops.precision import at_one_precision, check_floats

FAINTEST = 1e-3
"""Added to a strength, which is divided by."""

UNIT_STEPS = 30.0
"""Steps in what a track counts as one unit of time."""

THRESHOLDS = (1.0, 1 / UNIT_STEPS, 1 / 16, 1 / 64, 1 / 64, 1 / 64, 1 / 64)
"""What a threshold is of each number of a track but its age: in it, noise and the steps of whole
numbers are told. A position of a 64th of the sensor's side is one."""


class FittedLine(NamedTuple):
    """What the numbers of tracks are, in their order; lengths in sensor sides from the middle,
    times in units of `UNIT_STEPS` steps."""

    strength: Float[Tensor, "..."]
    """Weight of the votes."""
    mean: Float[Tensor, "..."]
    """Mean age of the votes, when it was last written to."""
    spread: Float[Tensor, "..."]
    """Variance of their ages."""
    position: Float[Tensor, "... 2"]
    """x and y, when it was last written to."""
    velocity: Float[Tensor, "... 2"]
    age: Float[Tensor, "..."]
    """Time since it was last written to."""

    @classmethod
    def of(cls, numbers: Float[Tensor, "... 8"]) -> "FittedLine":
        """The same numbers by name."""
        strength, mean, spread, x, y, u, v, age = numbers.unbind(-1)
        return cls(strength, mean, spread, torch.stack([x, y], -1), torch.stack([u, v], -1), age)

    def numbers(self) -> Float[Tensor, "... 8"]:
        """The same as one tensor."""
        clock = torch.stack([self.strength, self.mean, self.spread], -1)
        return torch.cat([clock, self.position, self.velocity, self.age[..., None]], -1)


TRACK_NUMBERS = 8
"""Of a `FittedLine`."""


def fitted_tracks(
    place: Float[Tensor, "T B J 2"],
    weight: Float[Tensor, "T B J"],
    opened: Float[Tensor, "T B J"],
    emptied: Float[Tensor, "T B J"],
    start: Float[Tensor, "B J 8"],
    forget: Float[Tensor, " J"],
    ridge: Float[Tensor, " J"],
    step: float,
    noise: Float[Tensor, "T B J 7"] | None = None,
    backend: str = "auto",
    bits: int = 32,
) -> Float[Tensor, "T B J 8"]:
    """The numbers of every `FittedLine` after every step.

    With a share `w = weight / strength` of the newest vote, a step at age `a` makes

        strength = (1 - forget) (1 - emptied) strength + weight
        reach    = (1 - emptied) (mean + a)      age of the votes so far, as seen from now
        spread   = (1 - w) ((1 - emptied) spread + w reach^2)   variance of the ages
        mean     = (1 - w) reach
        miss     = place - (x + velocity a)
        x        = x + velocity a + w (1 + mean^2 / (spread + ridge)) miss
        velocity = (1 - emptied) velocity + w mean / (spread + ridge) miss

    where it is opened, and where it is not, or nothing voted, adds to the age alone; a track that
    nothing was ever written to has none. The gains are those of recursive least squares on a line
    (Plackett, Biometrika 1950), with forgetting; `ridge` draws towards rest where little time has
    been seen.

    Args:
        place: mean vote, sensor sides from the sensor's middle.
        weight: of the votes; 0 where there are none.
        opened: 1 where a track is written to.
        emptied: 1 where it begins anew with this vote.
        start: tracks before the first step.
        forget: share of its votes that a write forgets.
        ridge: variance that is added to the spread, units of time squared.
        step: length of a step, in units of `UNIT_STEPS` steps of the training.
        noise: on all but the age, after every step.
        backend: see `ops.native`.
        bits: as of `ops.memory.leaky_memory_stepwise`, in `THRESHOLDS`.
    """
    check_floats(place=place, weight=weight, opened=opened, emptied=emptied, start=start,
                 forget=forget, ridge=ridge, noise=noise)  # fmt: skip
    given = (place, weight, opened, emptied, start, forget, ridge)
    floats = at_one_precision(*given, *(() if noise is None else (noise,)))
    place, weight, opened, emptied, start, forget, ridge = floats[:7]
    noise = None if noise is None else floats[7]
    fits = all(suits(x, backend, on_gpus=True) for x in floats) and bits == 32
    if not fits or (noise is not None and noise.requires_grad):
        return tracks_reference(
            place, weight, opened, emptied, start, forget, ridge, step, noise, bits
        )
    after: Tensor = _tracks(*floats[:7], step, noise)
    return after


def tracks_reference(
    place: Tensor,
    weight: Tensor,
    opened: Tensor,
    emptied: Tensor,
    start: Tensor,
    forget: Tensor,
    ridge: Tensor,
    step: float,
    noise: Tensor | None = None,
    bits: int = 32,
) -> Tensor:
    """The definition, one step at a time."""
    thresholds = start.new_tensor(THRESHOLDS)
    track, tracks = start, []
    for t in range(len(place)):
        begun = (track[..., 0] != 0).to(track.dtype)  # what holds nothing has no age
        age = track[..., 7] + step * begun
        written = _written(track, age, place[t], weight[t], emptied[t], forget, ridge)
        which = (opened[t] * (weight[t] != 0))[..., None]
        kept = torch.cat([track[..., :7], age[..., None]], -1)
        track = kept + which * (written - kept)
        if noise is not None:
            track = torch.cat([track[..., :7] + noise[t], track[..., 7:]], -1)
        if bits < 32:
            whole = stored(track[..., :7] / thresholds, bits) * thresholds
            track = torch.cat([whole, track[..., 7:]], -1)
        tracks.append(track)
    return torch.stack(tracks)


def _written(
    track: Tensor,
    age: Tensor,
    place: Tensor,
    weight: Tensor,
    emptied: Tensor,
    forget: Tensor,
    ridge: Tensor,
) -> Tensor:
    strength, mean, spread, position, velocity, _ = FittedLine.of(track)
    strength, spread = strength.relu(), spread.relu()  # noise may have driven them below 0
    kept = 1 - emptied
    strength = (1 - forget) * kept * strength + weight + FAINTEST
    share, reach = weight / strength, kept * (mean + age)
    mean = (1 - share) * reach
    spread = (1 - share) * (kept * spread + share * reach.square())
    width = spread + ridge
    ahead = position + velocity * age[..., None]
    miss = place - ahead
    position = ahead + (share * (1 + mean.square() / width))[..., None] * miss
    velocity = kept[..., None] * velocity + (share * mean / width)[..., None] * miss
    return FittedLine(strength, mean, spread, position, velocity, torch.zeros_like(age)).numbers()


def _forward(*inputs: Any) -> Tensor:
    *tensors, step, noise = inputs
    place, weight, opened, emptied, start, forget, ridge = map(ready, tensors)
    noise = None if noise is None else ready(noise)
    after = place.new_empty(*weight.shape, TRACK_NUMBERS)
    call("tracks_forward", place, weight, opened, emptied, noise, start, forget, ridge, step, after)
    return after


def _backward(
    after: Tensor,
    place: Tensor,
    weight: Tensor,
    opened: Tensor,
    emptied: Tensor,
    start: Tensor,
    forget: Tensor,
    ridge: Tensor,
    step: float,
    grad: Tensor,
) -> tuple[Tensor, ...]:
    given = tuple(map(ready, (grad, after, place, weight, opened, emptied, start, forget, ridge)))
    _, _, place, weight, *_, start, forget, ridge = given
    found = [torch.empty_like(place), *(torch.empty_like(weight) for _ in range(3))]
    learnt = [torch.zeros_like(start), *(start.new_zeros(start.shape[:2]) for _ in range(2))]
    call("tracks_backward", *given, step, *found, *learnt)
    on_start, on_forget, on_ridge = learnt
    return *found, on_start, on_forget.sum(0), on_ridge.sum(0)


def _gradients(inputs: Any, kept: Any, grads: Any) -> tuple[Any, ...]:
    *tensors, step, _ = inputs
    return *_tracks_backward(*kept, *tensors, step, grads[0]), None, None


_tracks = Operator(
    "tracks(Tensor place, Tensor weight, Tensor opened, Tensor emptied, Tensor start, "
    "Tensor forget, Tensor ridge, float step, Tensor? noise) -> Tensor",
    _forward,
    lambda place, weight, *rest: place.new_empty(*weight.shape, TRACK_NUMBERS),
    backward=_gradients,
    definition=tracks_reference,
    keeps=[0],
)
_tracks_backward = Operator(
    "tracks_backward(Tensor after, Tensor place, Tensor weight, Tensor opened, Tensor emptied, "
    "Tensor start, Tensor forget, Tensor ridge, float step, Tensor grad) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    _backward,
    lambda after, *given: tuple(map(torch.empty_like, given[:7])),
)
