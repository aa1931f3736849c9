"""The leaky memory behind write gates, by a kernel where there is one.

Axes: T time steps, B batch, M memory channels, G write gates.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from neurosvt.ops.buffers import empty_like
from neurosvt.ops.memory import leaky_memory_stepwise
from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator, ready
from neurosvt.ops.precision import at_one_precision, check_floats


def gated_memory(
    drive: Float[Tensor, "T B M"],
    gate: Float[Tensor, "T B M"],
    write: Float[Tensor, "T B G"],
    v: Float[Tensor, "B M"],
    decay: Float[Tensor, " M"],
    look: Float[Tensor, "M G"] | None,
    noise: Float[Tensor, "T B M"] | None,
    backend: str = "auto",
    said: Bool[Tensor, "T B"] | None = None,
    forget: Float[Tensor, " M"] | None = None,
) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "T B G"]]:
    """Charge and `wants` of `leaky_memory_stepwise`, its arguments as there; `backend` as in
    `ops.native`.

    In frames that are not `said` charge only leaks; drive, gate and write have no gradient there.

    Raises:
        ValueError: channels that do not part among the gates.
    """
    check_floats(
        drive=drive, gate=gate, write=write, v=v, decay=decay, look=look, noise=noise, forget=forget
    )
    if not write.shape[-1] or drive.shape[-1] % write.shape[-1]:
        raise ValueError(f"{drive.shape[-1]} channels do not part among {write.shape[-1]} gates")
    given = [x for x in (drive, gate, write, v, decay, look, noise, forget) if x is not None]
    floats = at_one_precision(*given)
    found = iter(floats)
    drive, gate, write, v, decay = (next(found) for _ in range(5))
    look, noise, forget = (None if x is None else next(found) for x in (look, noise, forget))
    fits = all(suits(x, backend, on_gpus=True) for x in floats)
    if not fits or (noise is not None and noise.requires_grad):
        return _definition(drive, gate, write, v, decay, look, forget, noise, said)
    charge, wants = _gated(drive, gate, write, v, decay, look, forget, noise, said)
    return charge, wants


def _definition(
    drive: Tensor,
    gate: Tensor,
    write: Tensor,
    v: Tensor,
    decay: Tensor,
    look: Tensor | None,
    forget: Tensor | None,
    noise: Tensor | None,
    said: Tensor | None,
) -> tuple[Tensor, Tensor]:
    found = leaky_memory_stepwise(
        drive, gate, v, decay, noise=noise, write=write, look=look, forget=forget, said=said
    )
    return found.charge, found.wants


def _forward(*inputs: Tensor | None) -> tuple[Tensor, Tensor]:
    said = _flags(inputs[-1])
    drive, gate, write, v, decay, look, forget, noise = (
        None if x is None else ready(x) for x in inputs[:-1]
    )
    assert drive is not None
    assert write is not None
    charge, wants = empty_like(drive), torch.empty_like(write)
    call("gated_forward", drive, gate, write, noise, v, decay, look, forget, said, wants, charge)
    return charge, wants


def _flags(said: Tensor | None) -> Tensor | None:
    return None if said is None else ready(said, torch.bool)


def _backward(
    charge: Tensor,
    wants: Tensor,
    drive: Tensor,
    gate: Tensor,
    v: Tensor,
    decay: Tensor,
    look: Tensor | None,
    forget: Tensor | None,
    said: Tensor | None,
    grad: Tensor,
    grad_wants: Tensor,
) -> tuple[Tensor, ...]:
    charge, wants, drive, gate, v, decay, grad, grad_wants = map(
        ready, (charge, wants, drive, gate, v, decay, grad, grad_wants)
    )
    look, forget = (None if x is None else ready(x) for x in (look, forget))
    on_drive, on_gate = empty_like(drive), empty_like(drive)
    on_write, on_v, on_decay = torch.empty_like(wants), torch.zeros_like(v), torch.zeros_like(v)
    on_look, on_forget = (
        None if x is None else x.new_zeros(len(v), *x.shape) for x in (look, forget)
    )
    call(
        "gated_backward", grad, grad_wants, charge, drive, gate, wants, v, decay, look, forget,
        _flags(said), on_drive, on_gate, on_write, on_v, on_decay, on_look, on_forget,
    )  # fmt: skip
    none = charge.new_empty(0)
    of_samples = (none if x is None else x.sum(0) for x in (on_decay, on_look, on_forget))
    return on_drive, on_gate, on_write, on_v, *of_samples


def _gradients(inputs: Any, kept: Any, grads: Any) -> tuple[Any, ...]:
    drive, gate, _, v, decay, look, forget, _, said = inputs
    *found, on_look, on_forget = _gated_backward(
        *kept, drive, gate, v, decay, look, forget, said, *grads
    )
    learnt = (None if look is None else on_look, None if forget is None else on_forget)
    return *found, *learnt, None, None


_gated = Operator(
    "gated_memory(Tensor drive, Tensor gate, Tensor write, Tensor v, Tensor decay, Tensor? look, "
    "Tensor? forget, Tensor? noise, Tensor? said) -> (Tensor, Tensor)",
    _forward,
    lambda drive, gate, write, *rest: (torch.empty_like(drive), torch.empty_like(write)),
    backward=_gradients,
    definition=_definition,
    keeps=[0, 1],
)
_gated_backward = Operator(
    "gated_memory_backward(Tensor charge, Tensor wants, Tensor drive, Tensor gate, Tensor v, "
    "Tensor decay, Tensor? look, Tensor? forget, Tensor? said, Tensor grad, "
    "Tensor grad_wants) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    _backward,
    lambda charge, wants, drive, gate, v, decay, look, forget, *rest: (
        *map(torch.empty_like, (drive, gate, wants, v, decay)),
        *(charge.new_empty(0) if x is None else torch.empty_like(x) for x in (look, forget)),
    ),
)
