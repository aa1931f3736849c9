"""The recursion of the leaky memory: charge that leaks, is emptied by gates, and is driven.

`leaky_memory_reference` is the definition; `leaky_memory` has its backward pass written out.

Axes: T time steps, B batch, M memory channels.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def leaky_memory(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
) -> Float[Tensor, "T B M"]:
    """Charge after every step.

        v[t] = v[t-1] * (decay * (1 - gate[t])) + drive[t]

    Args:
        drive: what is written, in units of a threshold.
        gate: spikes; 1 empties the channel before the new drive arrives.
        v: charge before the first step.
        decay: share kept per step, `1 - 1/tau`, per channel.

    Returns:
        Charge after every step, float32 whatever the drive has: a decay near 1 does not survive
        half precision. The last step is the state for the next call.
    """
    return _LeakyMemory.apply(drive.float(), gate.float(), v.float(), decay.float())


def leaky_memory_reference(drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    """The definition, one step at a time, differentiated by autograd."""
    charge = []
    for d, g in zip(drive, gate, strict=True):
        v = v * (decay * (1 - g)) + d
        charge.append(v)
    return torch.stack(charge)


class _LeakyMemory(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
        keep = decay * (1 - gate)
        charge = torch.empty_like(drive)
        before = v
        for t in range(len(drive)):
            torch.mul(before, keep[t], out=charge[t])
            charge[t] += drive[t]
            before = charge[t]
        ctx.save_for_backward(charge, gate, v, decay)
        return charge

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        charge, gate, v, decay = ctx.saved_tensors
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
        )
