"""Neurons, norms and memory by themselves: every backend, the peers, and copying as the limit."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from neurosvt.bench.peers import PEER_NEURONS, installed
from neurosvt.bench.timing import Candidate
from neurosvt.native import library
from neurosvt.ops.batchnorm_spike import batchnorm_spike
from neurosvt.ops.lif import BACKENDS, lif
from neurosvt.ops.memory import leaky_memory
from neurosvt.ops.scaled_lif import rms_lif_rows
from neurosvt.ops.surrogate import spike

LIF_SHAPE = (16, 8, 64, 256)
"""Steps, samples, tokens, channels."""
BATCH_SHAPE = (8192, 1024)
MEMORY_SHAPE = (200, 32, 128)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def neuron_candidates(*, compiled: bool = True) -> Iterator[Candidate]:
    """All there is to compare here; `compiled` False leaves out torch.compile's first call."""
    backends = [b for b in BACKENDS if b != "native" or library() is not None]
    backends = [b for b in backends if b != "cupy"]  # has no kernels for what is on the CPU
    backends = [b for b in backends if compiled or b != "compile"]
    for dtype, kind in DTYPES.items():
        yield from _lif(dtype, kind, backends)
        yield from _batch_spike(dtype, kind, backends)
    yield from _memory(backends)


def _named(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _lif(dtype: str, kind: torch.dtype, backends: list[str]) -> Iterator[Candidate]:
    current, out = torch.randn(LIF_SHAPE, dtype=kind), torch.empty(LIF_SHAPE, dtype=kind)
    pull = torch.randn(LIF_SHAPE, dtype=kind)
    leaf = current.clone().requires_grad_()
    candidate = partial(Candidate, shape=_named(LIF_SHAPE), dtype=dtype, elements=current.numel())

    def forward(neurons: Callable[[Tensor], Tensor]) -> None:
        with torch.no_grad():
            neurons(current)

    def both(neurons: Callable[[Tensor], Tensor]) -> None:
        leaf.grad = None
        neurons(leaf).backward(pull)

    def ours(current: Tensor, backend: str) -> Tensor:
        return lif(current, decay=0.5, backend=backend)[0]

    yield candidate("copy", "lif forward", run=partial(out.copy_, current))
    everyone: dict[str, Callable[[Tensor], Tensor]] = {
        b: partial(ours, backend=b) for b in backends
    }
    if kind is torch.float32:
        everyone |= {peer: PEER_NEURONS[peer]() for peer in installed()}
    for name, neurons in everyone.items():
        yield candidate(name, "lif forward", run=partial(forward, neurons))
        yield candidate(name, "lif forward+backward", run=partial(both, neurons))

    steps, width = LIF_SHAPE[0], LIF_SHAPE[-1]
    rows = current.reshape(-1, width)
    v = torch.zeros(len(rows) // steps, width)
    batch_sizes = [len(v)] * steps
    if "native" in backends:
        in_bytes = partial(lif, current, decay=0.5, as_bytes=True)
        yield candidate("native, a byte a spike", "lif forward", run=in_bytes)
    x, gain = rows.clone().requires_grad_(), torch.ones(width, requires_grad=True)
    keep = torch.full((len(x), 1), 0.5)

    def scaled(backend: str) -> None:
        x.grad = gain.grad = None
        spikes, _, _ = rms_lif_rows(
            x, gain, 1e-5, v, batch_sizes=batch_sizes, keep=keep, backend=backend
        )
        spikes.backward(pull.reshape(x.shape))

    for backend in backends:
        if backend != "compile":  # takes rows as "manual" does
            yield candidate(backend, "scale + lif forward+backward", run=partial(scaled, backend))


def _batch_spike(dtype: str, kind: torch.dtype, backends: list[str]) -> Iterator[Candidate]:
    rows, width = BATCH_SHAPE
    x = torch.randn(BATCH_SHAPE, dtype=kind, requires_grad=True)
    weight = torch.ones(width, requires_grad=True)
    bias = torch.zeros(width, requires_grad=True)
    slope = torch.full((rows, 1), 3.0, requires_grad=True)
    pull = torch.randn(BATCH_SHAPE, dtype=kind)

    def fused() -> Tensor:
        return batchnorm_spike(x, weight, bias, slope)[0]

    def eager() -> Tensor:
        u = F.batch_norm(x, None, None, weight.to(kind), bias.to(kind), training=True)
        return spike(u - 1, slope, "sigmoid").to(kind)

    def both(layer: Callable[[], Tensor]) -> None:
        for leaf in (x, weight, bias, slope):
            leaf.grad = None
        layer().backward(pull)

    for name, layer in (("native", fused), ("eager", eager)):
        if name == "eager" or name in backends:
            yield Candidate(
                name, "batch norm + spike forward+backward", _named(BATCH_SHAPE), dtype,
                partial(both, layer), x.numel(),
            )  # fmt: skip


def _memory(backends: list[str]) -> Iterator[Candidate]:
    _, batch, channels = MEMORY_SHAPE
    drive = torch.randn(MEMORY_SHAPE, requires_grad=True)
    gate = (torch.rand(MEMORY_SHAPE) < 0.05).float().requires_grad_()
    v, decay = torch.zeros(batch, channels), torch.rand(channels, requires_grad=True)
    pull = torch.randn(MEMORY_SHAPE)

    def both(backend: str) -> None:
        drive.grad = gate.grad = decay.grad = None
        leaky_memory(drive, gate, v, decay, backend).backward(pull)

    for backend in backends:
        if backend != "compile":
            yield Candidate(
                backend, "memory forward+backward", _named(MEMORY_SHAPE), "fp32",
                partial(both, backend), drive.numel(),
            )  # fmt: skip
