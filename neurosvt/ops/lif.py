"""Leaky integrate-and-fire over time.

`lif_definition.lif_reference` is the definition. Every other backend must agree with it, forwards
and backwards (tests/ops/test_lif.py); where they differ, the other backend is wrong.

Axes: T time steps; *n any neuron axes, usually B batch, N tokens, D width; R rows, one for each
time that a token is touched; S streams, one for each token that is touched at all.

Two doors lead to one recursion. `lif` takes every neuron at every step. `lif_rows` takes only the
touches: rows sorted by rank (first touch of every stream, then second, ...), streams that are
touched most often first, so that rank r is the slice of `batch_sizes[r]` rows after those of rank
r - 1 and belongs to the first `batch_sizes[r]` streams. In a dense call all sizes are equal.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from neurosvt.ops import gpu
from neurosvt.ops.lif_compile import lif_compile
from neurosvt.ops.lif_definition import lif_reference
from neurosvt.ops.lif_manual import lif_manual
from neurosvt.ops.lif_native import kernels_know, lif_bytes, lif_native
from neurosvt.ops.operators import wants_gradient
from neurosvt.ops.precision import at_least_float32, check_floats
from neurosvt.ops.recording import is_recorded
from neurosvt.ops.surrogate import surrogate_named

RESETS = ("hard", "soft")


def lif(
    current: Float[Tensor, " T *n"],
    v: Float[Tensor, " *n"] | None = None,
    *,
    decay: float | Float[Tensor, " *#n"],
    threshold: float | Tensor = 1.0,
    decay_input: bool = False,
    reset: str = "hard",
    surrogate: str = "arctan",
    slope: float | Tensor | None = None,
    backend: str = "auto",
    as_bytes: bool = False,
) -> tuple[Shaped[Tensor, " T *n"], Float[Tensor, " *n"]]:
    """Turn input current into spikes; also return the membrane left at the end.

    Each step leaks and integrates, fires, then resets whatever fired:

        h[t] = decay * v[t-1] + current[t]                 (decay_input: (1 - decay) * current[t])
        s[t] = 1 if h[t] >= threshold else 0
        v[t] = h[t] * (1 - s[t])                           (soft reset: h[t] - threshold * s[t])

    Args:
        current: input, in units of the threshold.
        v: membrane before the first step, same unit; None for a rested neuron.
        decay: share of the membrane kept per step, in [0, 1), `1 - 1/tau`. A tensor that
            broadcasts against the neurons gives each its own, and is learnt if it requires grad; it
            may reach 1, to which a decay near it is rounded.
        threshold: membrane level that fires; learnt, by the definition, if it requires grad.
        decay_input: divide the drive by tau as well.
        reset: "hard" to zero, or "soft", by subtracting the threshold.
        surrogate, slope: the step's stand-in backwards, see `ops.surrogate`; a slope is learnt as a
            threshold is.
        backend: a key of `BACKENDS`, or "auto" for the fastest there is.
        as_bytes: give spikes as uint8, a quarter of the memory, without gradients; a byte knows no
            NaN, and a membrane that is none does not fire.

    Returns:
        Spikes, each exactly 0.0 or 1.0, and the membrane after step T. Passing that membrane to
        the next call gives what one longer call would have given.

    Raises:
        ValueError: a number out of range, tensors that do not fit each other or are no floats, or
            `reset`, `surrogate` or `backend` unknown.

    Source: Gerstner et al., Neuronal Dynamics (2014), sec. 1.3, in discrete time. The reset is
    detached from the gradient, as in the code of Spikformer (ICLR 2023).
    """
    check_floats(current=current)
    if not current.ndim:
        raise ValueError("current must be (T, ...), got a single number")
    if isinstance(decay, Tensor):
        check_floats(decay=decay)
    elif not 0 <= decay < 1:
        raise ValueError(f"decay must be in [0, 1), got {decay}")
    if decay_input:
        current = (1 - decay) * current
    steps, neurons = current.shape[0], current.shape[1:]
    if v is None:
        v = current.new_zeros(neurons, dtype=torch.promote_types(current.dtype, torch.float32))
    if v.shape != neurons:
        raise ValueError(f"v is {tuple(v.shape)}, one step of current {tuple(neurons)}")
    width = neurons[-1] if neurons else 1
    streams = neurons[:-1].numel() if neurons else 1
    keep: float | Tensor
    if isinstance(decay, Tensor):
        own = (
            decay.reshape(1, decay.numel())
            if decay.ndim < 2 or decay.shape[:-1].numel() == 1
            else None
        )
        keep = decay.expand(current.shape).reshape(steps * streams, width) if own is None else own
    else:
        keep = float(decay)
    spikes, v = lif_rows(
        current.reshape(steps * streams, width),
        v.reshape(streams, width),
        batch_sizes=[streams] * steps,
        keep=keep,
        threshold=threshold,
        reset=reset,
        surrogate=surrogate,
        slope=slope,
        backend=backend,
        as_bytes=as_bytes,
    )
    return spikes.reshape(current.shape), v.reshape(neurons)


def lif_rows(
    current: Float[Tensor, "R D"],
    v: Float[Tensor, "S D"],
    *,
    batch_sizes: Sequence[int],
    keep: float | Float[Tensor, "#R #D"],
    threshold: float | Tensor = 1.0,
    reset: str = "hard",
    surrogate: str = "arctan",
    slope: float | Tensor | None = None,
    backend: str = "auto",
    as_bytes: bool = False,
) -> tuple[Shaped[Tensor, "R D"], Float[Tensor, "S D"]]:
    """`lif` on the touched tokens alone; between touches a membrane can only decay.

    Args:
        current: input rows, ordered by rank then stream (see the top of this file).
        v: membrane of each stream as it was left by its last touch.
        batch_sizes: rows per rank, never increasing; they sum to R and none exceeds S.
        keep: share of the membrane that is left when the row arrives: decay to the power of the
            steps since the last touch; one row stands for all.
        threshold, reset, surrogate, slope, backend, as_bytes: as in `lif`.

    Returns:
        Spikes of every row, and each stream's membrane after its last touch.
    """
    check_floats(current=current, v=v)
    if v.device != current.device:
        raise ValueError(f"v must be on {current.device}, as current is; it is on {v.device}")
    v = at_least_float32(v)
    if v.dtype is not current.dtype:
        v = v.to(torch.promote_types(v.dtype, current.dtype))
    threshold, slope = (
        number("threshold", threshold),
        slope if slope is None else number("slope", slope),
    )
    if not threshold > 0:
        raise ValueError(f"threshold must be > 0, or silence would fire, got {float(threshold)}")
    if reset not in RESETS:
        raise ValueError(f"reset {reset!r} is unknown; choose from {RESETS}")
    check_sizes(batch_sizes, len(current), len(v))
    if current.shape[1] != v.shape[1]:
        raise ValueError(f"v is {v.shape[1]} wide, current {current.shape[1]}")
    if isinstance(keep, Tensor):
        check_floats(decay=keep)
        keep = keep.to(v.dtype)
        if len(keep) not in (1, len(current)):
            raise ValueError(f"keep has {len(keep)} rows, current {len(current)}")
        if backend != "auto" or not kernels_know(current, v, keep):
            check_shares(keep)
    own_slope = surrogate_named(surrogate).slope
    slope = own_slope if slope is None else slope
    by_kernels = "cupy" if gpu.takes(current) else "native"
    name = by_kernels if backend == "auto" else backend_named(backend)
    if isinstance(threshold, Tensor) or isinstance(slope, Tensor):
        name = "reference"  # the others hold them for constants
    if as_bytes:
        with torch.no_grad():
            keep = keep.detach() if isinstance(keep, Tensor) else keep
            if name == by_kernels and kernels_know(current, v, keep):
                return lif_bytes(current, v, batch_sizes, keep, float(threshold), reset)
            spikes, v = BACKENDS[name](
                current, v, batch_sizes, keep, threshold, reset, surrogate, slope
            )
            return (spikes > 0).byte(), v
    return BACKENDS[name](current, v, batch_sizes, keep, threshold, reset, surrogate, slope)


def check_sizes(batch_sizes: Sequence[int], rows: int, streams: int) -> None:
    """Raise a ValueError unless ranks are laid out as the top of this file says."""
    sizes = [streams, *batch_sizes]
    if sum(sizes) != streams + rows or sizes != sorted(sizes, reverse=True) or sizes[-1] < 0:
        raise ValueError(
            f"batch_sizes {sizes[1:5]}... must not increase, start at most at v's {streams} "
            f"streams and sum to current's {rows} rows"
        )


def number(name: str, value: float | Tensor) -> float | Tensor:
    """A number, also where it comes in a tensor; the tensor itself if its gradient is wanted.

    Raises:
        ValueError: it is no single real number.
    """
    if not isinstance(value, Tensor):
        return float(value)
    if value.numel() != 1 or value.is_complex():
        raise ValueError(
            f"{name} must be a number, or a tensor of one, got {value.dtype} {tuple(value.shape)}"
        )
    return value.reshape(()) if wants_gradient(value) else float(value)


def check_shares(keep: Tensor) -> None:
    """Raise a ValueError for decays that are no shares; kernels see to it themselves."""
    if not is_recorded() and keep.is_cpu and keep.numel():
        low, high = keep.detach().aminmax()
        if not (low >= 0 and high <= 1):
            raise ValueError(f"decay must be in [0, 1], got {low.item():.4g} to {high.item():.4g}")


BACKENDS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "reference": lif_reference,
    "manual": lif_manual,
    "native": lif_native,
    "cupy": partial(lif_native, backend="cupy"),
    "compile": lif_compile,
}


def backend_named(name: str) -> str:
    """The name itself, or a ValueError that lists the backends there are."""
    if name != "auto" and name not in BACKENDS:
        raise ValueError(f"backend {name!r} is unknown; choose from {['auto', *sorted(BACKENDS)]}")
    return name
