"""The recursion of the leaky memory: charge that leaks, is emptied by gates, and is driven.

`leaky_memory_reference` is the definition; `leaky_memory` has its backward pass written out.

Axes: T time steps, B batch, M memory channels.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.native import call, suits
from neurosvt.ops.precision import at_least_float32
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
    inputs = [at_least_float32(x) for x in (drive, gate, v, decay)]
    if backend == "reference":
        return leaky_memory_reference(*inputs)
    return _LeakyMemory.apply(*inputs, suits(inputs[0], backend))


def leaky_memory_reference(drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    """The definition, one step at a time, differentiated by autograd."""
    charge = []
    for d, g in zip(drive, gate, strict=True):
        v = v * (decay * (1 - g)) + d
        charge.append(v)
    return torch.stack(charge)


def leaky_memory_spiking(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    resets: bool,
) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "T B M"]]:
    """`leaky_memory` whose channels also fire, at a charge of 1: charge and spikes.

    A channel that fired is emptied if `resets`, and else fires on for as long as it is charged.
    """
    charge, spikes = [], []
    for d, g in zip(drive, gate, strict=True):
        v = v * (decay * (1 - g)) + d
        s = spike(v - 1)
        v = v * (1 - s) if resets else v
        charge.append(v)
        spikes.append(s)
    return torch.stack(charge), torch.stack(spikes)


RANGE = 64.0
"""Largest charge that a memory of few bits can hold, in thresholds."""


def leaky_memory_stored(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    bits: int,
) -> Float[Tensor, "T B M"]:
    """`leaky_memory` on a machine that keeps its charge as whole numbers of `bits` bits.

    A step of the number is `RANGE / 2 ** (bits - 1)`. After every time step the charge is rounded
    up or down at random, in proportion to how near either is: rounded to the nearest, a charge that
    leaks by less than half a step would never leak.

    Source: stochastic rounding of traces on neuromorphic hardware, Davies et al., Loihi (IEEE Micro
    2018).
    """
    step = RANGE / 2 ** (bits - 1)
    charge = []
    for d, g in zip(drive, gate, strict=True):
        v = (v * (decay * (1 - g)) + d) / step
        v = (v + torch.rand_like(v)).floor().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * step
        charge.append(v)
    return torch.stack(charge)


class _LeakyMemory(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor, kernels: bool
    ) -> Tensor:
        ctx.kernels = kernels
        drive, gate, v, decay = (t.contiguous() for t in (drive, gate, v, decay))
        charge = empty_like(drive) if kernels else torch.empty_like(drive)
        ctx.save_for_backward(charge, gate, v, decay)
        if kernels:
            call("memory_forward", drive.dtype, drive, gate, v, decay, *drive.shape, charge)
            return charge
        keep = decay * (1 - gate)
        before = v
        for t in range(len(drive)):
            torch.mul(before, keep[t], out=charge[t])
            charge[t] += drive[t]
            before = charge[t]
        return charge

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        charge, gate, v, decay = ctx.saved_tensors
        if ctx.kernels:
            grad = grad.contiguous()
            on_drive, on_gate = empty_like(charge), empty_like(charge)
            on_v, on_decay = torch.zeros_like(v), torch.zeros_like(decay)
            call(
                "memory_backward", grad.dtype, grad, charge, gate, v, decay, *grad.shape,
                on_drive, on_gate, on_v, on_decay,
            )  # fmt: skip
            return on_drive, on_gate, on_v, on_decay, None
        keep = decay * (1 - gate)
        grad = grad.clone()
        for t in range(len(grad) - 1, 0, -1):
            grad[t - 1].addcmul_(keep[t], grad[t])
        before = torch.cat([v[None], charge[:-1]])
        on_keep = grad * before
        return (
            grad,
            -decay * on_keep,
            keep[0] * grad[0],
            (on_keep * (1 - gate)).sum((0, 1)),
            None,
        )
