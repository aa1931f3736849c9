"""How an op calls a kernel on a GPU: the same names and arguments as on a processor.

Every entry of `DOORS` says how many threads its kernel wants, and adds up what the kernel leaves in
parts: sums have one order, so that a run gives the same to the bit whenever it is done again. None
of them waits for the device, and none reads a number back. What a processor's kernel refuses by
value (decays that are no shares) is not looked at here.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from neurosvt.native.cuda import launching
from neurosvt.native.cuda.launching import Passed, why_missing
from neurosvt.ops.binding import Given, bind_arguments

start_kernel = launching.launch
"""What starts a kernel; the tests put another in its place, which needs no GPU."""

TYPES = (torch.float32, torch.float16, torch.bfloat16)
"""Of numbers that the kernels take."""

RUN = 64
"""Rows that one thread adds up; as in native/cuda/device.cuh."""

WARP = 32

_refused = False


def refuse_cupy(refused: bool = True) -> None:
    """Whether this process does without the kernels for GPUs, and runs PyTorch there."""
    global _refused
    _refused = refused
    why_not.cache_clear()


@lru_cache
def why_not() -> str | None:
    """Why CUDA tensors do without the kernels in this process, in words; None where they do not.
    Asked once: what is installed does not change meanwhile."""
    return "they were refused" if _refused else why_missing()


def takes(x: Tensor) -> bool:
    """Whether there are kernels for this tensor, where it is."""
    return x.is_cuda and x.dtype in TYPES and why_not() is None


def call_on_gpu(name: str, *arguments: object) -> None:
    """As `native.call`, for tensors on a GPU."""
    given = bind_arguments(name, arguments)
    DOORS[name](given)


def _start(given: Given, kernel: str, threads: int, *arguments: Passed) -> None:
    if threads:
        start_kernel(kernel, given.kind, threads, given.device, arguments)


def _sizes(given: Given) -> Tensor:
    there = given.device.type == "cuda"
    stream = torch.cuda.current_stream(given.device).cuda_stream if there else 0
    return _on_device(tuple(given.sizes), given.device, stream)


@lru_cache(maxsize=16)
def _on_device(numbers: tuple[int, ...], device: torch.device, stream: int) -> Tensor:
    """Whole numbers there: all layers of a forward pass ask for the same ones, on one stream."""
    here = torch.tensor(numbers, dtype=torch.int64, pin_memory=device.type == "cuda")
    return here.to(device, non_blocking=True)


def _lif_forward(a: Given) -> None:
    _start(
        a, "lif_forward", a.S * a.D, a.current, a.scale, a.v, _sizes(a), a.K, a.S, a.D, a.keep_rows,
        a.keep_channels, a.keep, a.threshold, a.soft, a.spikes, a.bytes,
    )  # fmt: skip


def _lif_backward(a: Given) -> None:
    membranes = a.grad if a.kind == "f32" else torch.empty_like(a.grad, dtype=torch.float32)
    on_keep = None if a.grad_keep is None else torch.empty_like(a.v)
    along = None if a.along is None else torch.empty_like(a.v)
    _start(
        a, "lif_backward", a.S * a.D, a.grad_spikes, a.current, a.scale, a.v, a.grad_v, _sizes(a),
        a.K, a.S, a.D, a.keep_rows, a.keep_channels, a.keep, a.threshold, a.soft, a.surrogate,
        a.slope, a.grad, membranes, on_keep, along,
    )  # fmt: skip
    for whole, parts in ((a.grad_keep, on_keep), (a.along, along)):
        if parts is not None:
            whole.add_(parts.sum(0).reshape(whole.shape))


def _runs(a: Given) -> int:
    return int(-(-a.R // RUN))


def _column_sums(a: Given) -> None:
    parts = a.sums.new_empty(_runs(a), a.D)
    _start(a, "column_sums", parts.numel(), a.x, a.y, a.R, a.D, parts)
    a.sums.add_(parts.sum(0))
    _filled_rows(a)


def _filled_rows(a: Given) -> None:
    a.filled.zero_()
    _start(a, "filled_rows", -(-a.R // WARP) * WARP, a.x, a.R, a.D, a.filled)


def _scale_rows(a: Given) -> None:
    _start(a, "scale_rows", a.R * a.D, a.x, a.scale, a.R, a.D, a.y)


def _scale_backward(a: Given) -> None:
    _start(a, "scale_backward", a.R * a.D, a.grad, a.x, a.scale, a.pull, a.R, a.D, a.out)


def _moments(a: Given) -> None:
    parts = torch.empty(_runs(a), 2, a.D, dtype=torch.float64, device=a.device)
    _start(a, "moments", _runs(a) * a.D, a.x, a.R, a.D, parts)
    _start(a, "moments_of_parts", a.D, a.x, a.R, a.D, parts, a.mean, a.variance)


def _batch_fire(a: Given) -> None:
    _start(
        a, "batch_fire", a.R * a.D, a.x, a.factor, a.shift, a.R, a.D, a.threshold, a.spikes
    )  # fmt: skip


def _through_spike(a: Given) -> None:
    _start(
        a, "through_spike", a.R * WARP, a.grad_spikes, a.x, a.factor, a.shift, a.slope, a.R, a.D,
        a.threshold, a.grad_u, a.grad_slope,
    )  # fmt: skip
    _start(a, "through_sums", _runs(a) * a.D, a.grad_u, a.x, a.mean, a.R, a.D, a.partial)


def _through_norm(a: Given) -> None:
    _start(a, "through_norm", a.R * a.D, a.grad, a.x, a.factor, a.on_x, a.constant, a.R, a.D)


def _memory_forward(a: Given) -> None:
    _start(a, "memory_forward", a.B * a.M, a.drive, a.gate, a.v, a.decay, a.T, a.B, a.M, a.charge)


def _memory_backward(a: Given) -> None:
    parts = torch.empty_like(a.v)
    _start(
        a, "memory_backward", a.B * a.M, a.grad, a.charge, a.gate, a.v, a.decay, a.T, a.B, a.M,
        a.on_drive, a.on_gate, a.on_v, parts,
    )  # fmt: skip
    a.on_decay.add_(parts.sum(0))


def _gated_forward(a: Given) -> None:
    _start(
        a, "gated_forward", a.B * WARP, a.drive, a.gate, a.write, a.noise, a.v, a.decay, a.look,
        a.forget, a.said, a.T, a.B, a.M, a.G, a.wants, a.charge,
    )  # fmt: skip


def _gated_backward(a: Given) -> None:
    _start(
        a, "gated_backward", a.B * WARP, a.grad, a.grad_wants, a.charge, a.drive, a.gate, a.wants,
        a.v, a.decay, a.look, a.forget, a.said, a.T, a.B, a.M, a.G, a.on_drive, a.on_gate,
        a.on_write, a.on_v, a.on_decay, a.on_look, a.on_forget,
    )  # fmt: skip


def _tracks_forward(a: Given) -> None:
    _start(
        a, "tracks_forward", a.B * a.J, a.place, a.weight, a.opened, a.emptied, a.noise, a.start,
        a.forget, a.ridge, a.step, a.T, a.B, a.J, a.after,
    )  # fmt: skip


def _tracks_backward(a: Given) -> None:
    _start(
        a, "tracks_backward", a.B * a.J, a.grad, a.after, a.place, a.weight, a.opened, a.emptied,
        a.start, a.forget, a.ridge, a.step, a.T, a.B, a.J, a.on_place, a.on_weight, a.on_opened,
        a.on_emptied, a.on_start, a.on_forget, a.on_ridge,
    )  # fmt: skip


DOORS: dict[str, Callable[[Given], None]] = {
    door.__name__.removeprefix("_"): door
    for door in (
        _lif_forward, _lif_backward, _column_sums, _filled_rows, _scale_rows, _scale_backward,
        _moments, _batch_fire, _through_spike, _through_norm, _memory_forward, _memory_backward,
        _gated_forward, _gated_backward, _tracks_forward, _tracks_backward,
    )
}  # fmt: skip
"""Every kernel that there is for GPUs, by its name in `native.signatures`."""
