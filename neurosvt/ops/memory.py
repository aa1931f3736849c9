"""The recursion of the leaky memory: charge that leaks, is emptied by gates, and is driven.

`leaky_memory_reference` is the definition; `leaky_memory` has its backward pass written out.
`leaky_memory_stepwise` is the definition with all that a memory may do besides.

Axes: T time steps, B batch, M memory channels.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, WrittenOut, ready
from neurosvt.ops.precision import at_one_precision, check_floats
from neurosvt.ops.surrogate import spike


def leaky_memory(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    backend: str = "auto",
) -> Float[Tensor, "T B M"]:
    """Charge after every step.

        v[t] = v[t-1] * (decay * (1 - gate[t])) + drive[t]

    Args:
        drive: what is written, in units of a threshold.
        gate: spikes; 1 empties the channel before the new drive arrives.
        v: charge before the first step.
        decay: share kept per step, `1 - 1/tau`, per channel.
        backend: see `ops.native`.

    Returns:
        Charge after every step, at least float32: a decay near 1 does not survive
        half precision. The last step is the state for the next call.
    """
    check_floats(drive=drive, gate=gate, v=v, decay=decay)
    inputs = at_one_precision(drive, gate, v, decay)
    if backend == "reference":
        return leaky_memory_reference(*inputs)
    native = all(suits(x, backend, on_gpus=True) for x in inputs)
    charge: Tensor = (_native if native else _manual)(*inputs)
    return charge


def leaky_memory_reference(drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    """The definition, one step at a time, differentiated by autograd."""
    charge = []
    for d, g in zip(drive, gate, strict=True):
        v = v * (decay * (1 - g)) + d
        charge.append(v)
    return torch.stack(charge)


RANGE = 64.0
"""Largest charge that a memory of few bits can hold, in thresholds."""


class Kept(NamedTuple):
    """A leaky memory after every step."""

    charge: Float[Tensor, "T B M"]
    spikes: Float[Tensor, "T B M"]
    """Where a charge reached 1."""
    wants: Float[Tensor, "T B G"]
    """What each write gate wanted: it opened from 0 on; 0 in frames that say nothing."""


def leaky_memory_stepwise(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    *,
    noise: Float[Tensor, "T B M"] | None = None,
    write: Float[Tensor, "T B G"] | None = None,
    look: Float[Tensor, "M G"] | None = None,
    forget: Float[Tensor, " M"] | None = None,
    said: Bool[Tensor, "T B"] | None = None,
    resets: bool = False,
    bits: int = 32,
) -> Kept:
    """`leaky_memory` with whatever else a memory may do.

        wants[t] = write[t] + 1 + (v[t-1] / strength of v[t-1]) look
        w[t] = spike(wants[t]) where said[t], else 0
        f[t] = forget + (1 - forget) gate[t]
        h[t] = v[t-1] * decay * (1 - w[t] f[t]) + w[t] drive[t] + noise[t]
        s[t] = spike(h[t] - 1)
        v[t] = h[t], emptied where s[t] if `resets`, stored in `bits` bits

    Args:
        drive, gate, v, decay: as of `leaky_memory`.
        noise: what disturbs the state, whether or not there is anything to see.
        write: each of its G gates opens M / G channels; closed, a frame neither writes nor empties
            them. None leaves all open.
        look: what is remembered has a say in it: what is seen can so be taken for something else
            while an object is known to be hidden than while it is in view.
        forget: share of a channel's charge that a write takes away. So it is told apart how far a
            channel looks back while it sees, and how long it holds what nothing is written over.
        said: frames that say anything; no gate opens in another. None: all do.
        resets: whether a channel that fires is emptied.
        bits: below 32, whole numbers of steps of `RANGE / 2 ** (bits - 1)`, rounded up or down at
            random in proportion to how near either is: rounded to the nearest, a charge that leaks
            by less than half a step would never leak (stochastic rounding of traces: Davies et al.,
            "Loihi", IEEE Micro 2018).
    """
    noise = torch.zeros_like(drive) if noise is None else noise
    charge, spikes, wanted = [], [], []
    for t, d in enumerate(drive):
        opened: Tensor | float = 1.0
        wants = drive.new_zeros(len(v), 0)
        if write is not None:
            wants = write[t] + 1
            if look is not None:
                wants = wants + v * v.square().mean(-1, keepdim=True).add(1e-6).rsqrt() @ look
            opened = spike(wants).repeat_interleave(drive.shape[-1] // wants.shape[-1], -1)
            wants = wants if said is None else wants * said[t, :, None]
        opened = opened if said is None else opened * said[t, :, None]
        freed = gate[t] if forget is None else forget + (1 - forget) * gate[t]
        v = v * (decay * (1 - opened * freed)) + opened * d + noise[t]
        s = spike(v - 1)
        v = v * (1 - s) if resets else v
        v = stored(v, bits) if bits < 32 else v
        charge.append(v)
        spikes.append(s)
        wanted.append(wants)
    return Kept(torch.stack(charge), torch.stack(spikes), torch.stack(wanted))


def stored(v: Tensor, bits: int) -> Tensor:
    """Charge as a memory of few bits keeps it, rounded at random."""
    most: int = 2 ** (bits - 1)
    step = RANGE / most
    level = (v / step + torch.rand_like(v)).floor().clamp(-most, most - 1)
    return level * step


def _charge(drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    drive, gate, v, decay = map(ready, (drive, gate, v, decay))
    charge = empty_like(drive)
    call("memory_forward", drive, gate, v, decay, charge)
    return charge


def _charge_backward(
    charge: Tensor, gate: Tensor, v: Tensor, decay: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    grad, charge, gate, v, decay = map(ready, (grad, charge, gate, v, decay))
    on_drive, on_gate = empty_like(charge), empty_like(charge)
    on_v, on_decay = torch.zeros_like(v), torch.zeros_like(decay)
    call("memory_backward", grad, charge, gate, v, decay, on_drive, on_gate, on_v, on_decay)
    return on_drive, on_gate, on_v, on_decay


def _charge_manual(drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    charge, keep = torch.empty_like(drive), decay * (1 - gate)
    before = v
    for t in range(len(drive)):
        torch.mul(before, keep[t], out=charge[t])
        charge[t] += drive[t]
        before = charge[t]
    return charge


def _manual_gradients(inputs: Any, kept: Any, grads: Any) -> tuple[Any, ...]:
    _, gate, v, decay = inputs
    (charge,), grad = kept, grads[0].clone()
    keep = decay * (1 - gate)
    for t in range(len(grad) - 1, 0, -1):
        grad[t - 1].addcmul_(keep[t], grad[t])
    before = torch.cat([v[None], charge[:-1]])
    on_keep = grad * before
    on_v = keep[0] * grad[0] if len(grad) else torch.zeros_like(v)
    return grad, -decay * on_keep, on_v, (on_keep * (1 - gate)).sum((0, 1))


def _native_gradients(inputs: Any, kept: Any, grads: Any) -> Any:
    return _native_backward(*kept, *inputs[1:], *grads)


_manual = WrittenOut(
    "leaky_memory_manual",
    _charge_manual,
    backward=_manual_gradients,
    definition=leaky_memory_reference,
    keeps=[0],
)
_native = Operator(
    "leaky_memory(Tensor drive, Tensor gate, Tensor v, Tensor decay) -> Tensor",
    _charge,
    lambda drive, *rest: torch.empty_like(drive),
    backward=_native_gradients,
    definition=leaky_memory_reference,
    keeps=[0],
)
_native_backward = Operator(
    "leaky_memory_backward(Tensor charge, Tensor gate, Tensor v, Tensor decay, Tensor grad) -> "
    "(Tensor, Tensor, Tensor, Tensor)",
    _charge_backward,
    lambda charge, gate, v, decay, grad: tuple(map(torch.empty_like, (charge, gate, v, decay))),
)
