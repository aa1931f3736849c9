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
    charge: Tensor = _LeakyMemory.apply(  # type: ignore[no-untyped-call]
        *inputs, suits(inputs[0], backend)
    )
    return charge


def leaky_memory_reference(drive: Tensor, gate: Tensor, v: Tensor, decay: Tensor) -> Tensor:
    """The definition, one step at a time, differentiated by autograd."""
    charge = []
    for d, g in zip(drive, gate, strict=True):
        v = v * (decay * (1 - g)) + d
        charge.append(v)
    return torch.stack(charge)


def gated_memory(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    write: Float[Tensor, "T B G"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    look: Float[Tensor, "M G"] | None,
    noise: Float[Tensor, "T B M"] | None,
    backend: str = "auto",
) -> Float[Tensor, "T B M"]:
    """The charge of `leaky_memory_stepwise` behind write gates, by a kernel where there is one.

    From another device the recursion comes to the CPU and goes back: hundreds of steps of a few
    thousand numbers each are sooner there and back than launched one by one.
    """
    parts = [at_least_float32(x) for x in (drive, gate, write, v, decay)]
    here = parts[0].device
    if here.type != "cpu":
        drive, gate, write, v, decay = (x.cpu() for x in parts)
        look, noise = (None if x is None else x.cpu() for x in (look, noise))
        return gated_memory(drive, gate, write, v, decay, look, noise, backend).to(here)
    if not suits(parts[0], backend):
        charge, _ = leaky_memory_stepwise(
            parts[0], parts[1], parts[3], parts[4], noise=noise, write=parts[2], look=look
        )
        return charge
    out: Tensor = _GatedMemory.apply(*parts, look, noise)  # type: ignore[no-untyped-call]
    return out


class _GatedMemory(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor | None) -> Tensor:
        drive, gate, write, v, decay, look, noise = (
            None if x is None else x.contiguous() for x in inputs
        )
        assert drive is not None
        assert write is not None
        charge, wants = empty_like(drive), torch.empty_like(write)
        sizes = (*drive.shape, write.shape[-1])
        call(
            "gated_forward", drive.dtype, drive, gate, write, noise, v, decay, look, *sizes,
            wants, charge,
        )  # fmt: skip
        ctx.save_for_backward(charge, drive, gate, wants, v, decay, look)
        return charge

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        charge, drive, gate, wants, v, decay, look = ctx.saved_tensors
        grad = grad.contiguous()
        on_drive, on_gate = empty_like(drive), empty_like(drive)
        on_write, on_v, on_decay = torch.empty_like(wants), torch.zeros_like(v), torch.zeros_like(v)
        on_look = None if look is None else look.new_zeros(len(v), *look.shape)
        call(
            "gated_backward", grad.dtype, grad, charge, drive, gate, wants, v, decay, look,
            *drive.shape, wants.shape[-1], on_drive, on_gate, on_write, on_v, on_decay, on_look,
        )  # fmt: skip
        summed = None if on_look is None else on_look.sum(0)
        return on_drive, on_gate, on_write, on_v, on_decay.sum(0), summed, None


RANGE = 64.0
"""Largest charge that a memory of few bits can hold, in thresholds."""


def leaky_memory_stepwise(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    *,
    noise: Float[Tensor, "T B M"] | None = None,
    write: Float[Tensor, "T B G"] | None = None,
    look: Float[Tensor, "M G"] | None = None,
    resets: bool = False,
    bits: int = 32,
) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "T B M"]]:
    """`leaky_memory` with whatever else a memory may do; charge and spikes after every step.

        w[t] = spike(write[t] + 1 + (v[t-1] / strength of v[t-1]) look)
        h[t] = v[t-1] * decay * (1 - w[t] gate[t]) + w[t] drive[t] + noise[t]
        s[t] = spike(h[t] - 1)
        v[t] = h[t], emptied where s[t] if `resets`, stored in `bits` bits

    Args:
        drive, gate, v, decay: as of `leaky_memory`.
        noise: what disturbs the state, whether or not there is anything to see.
        write: each of its G gates opens M / G channels; closed, a frame neither writes nor empties
            them. None leaves all open.
        look: what is remembered has a say in it: what is seen can so be taken for something else
            while an object is known to be hidden than while it is in view.
        resets: whether a channel that fires is emptied.
        bits: below 32, whole numbers of steps of `RANGE / 2 ** (bits - 1)`, rounded up or down at
            random in proportion to how near either is: rounded to the nearest, a charge that leaks
            by less than half a step would never leak (stochastic rounding of traces: Davies et al.,
            "Loihi", IEEE Micro 2018).
    """
    noise = torch.zeros_like(drive) if noise is None else noise
    opened: Tensor | float = 1.0
    charge, spikes = [], []
    for t, d in enumerate(drive):
        if write is not None:
            wants = write[t] + 1
            if look is not None:
                wants = wants + v * v.square().mean(-1, keepdim=True).add(1e-6).rsqrt() @ look
            opened = spike(wants).repeat_interleave(drive.shape[-1] // wants.shape[-1], -1)
        v = v * (decay * (1 - opened * gate[t])) + opened * d + noise[t]
        s = spike(v - 1)
        v = v * (1 - s) if resets else v
        v = stored(v, bits) if bits < 32 else v
        charge.append(v)
        spikes.append(s)
    return torch.stack(charge), torch.stack(spikes)


def stored(v: Tensor, bits: int) -> Tensor:
    """Charge as a memory of few bits keeps it, rounded at random."""
    most: int = 2 ** (bits - 1)
    step = RANGE / most
    level = (v / step + torch.rand_like(v)).floor().clamp(-most, most - 1)
    return level * step


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
