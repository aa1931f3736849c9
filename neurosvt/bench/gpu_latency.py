"""How long one frame takes on a GPU: with its CUDA kernels, without them, and the dense twin.

A frame comes from the CPU, and its belief goes back there: what somebody with a camera waits for.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

import torch
from torch import nn

from neurosvt.bench.films import FRAMES, Film
from neurosvt.bench.timing import Candidate
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.vit import ViT, twin_of
from neurosvt.nn.weights import device_of
from neurosvt.ops.gpu import why_not

CAMERAS_AT_ONCE = (1, 32)
"""Cameras at a time: one, and as many as a GPU hardly notices."""


def gpu_candidates(model: NeuroSVT, films: Sequence[Film]) -> Iterator[Candidate]:
    """The model on the device that it is on, and its dense twin, on frames of every film."""
    torch.manual_seed(0)
    device = device_of(model)
    twin = ViT(twin_of(model.config, "tokens")).eval().to(device)
    backends = [*(["cupy"] if why_not() is None else []), "manual"]
    for film in films:
        for batch in CAMERAS_AT_ONCE:
            shape = f"{film.shape}, batch {batch}"
            for backend in backends:
                ours = NeuroSVT(model.config, backend).eval().to(device)
                ours.load_state_dict(model.state_dict())
                run = _turns_of(ours, film, batch, frame_ms=film.ms)
                yield _warm(f"the model on {device}, {backend}", film, shape, run)
            run = _turns_of(twin, film, batch)
            yield _warm(f"dense twin on active tokens, {device}", film, shape, run)


def _warm(name: str, film: Film, shape: str, run: Callable[[], Any]) -> Candidate:
    def look() -> None:
        for _ in range(FRAMES):
            run()

    return Candidate(name, film.kind, shape, "float32", run, heavy=True, before=look)


def _turns_of(model: nn.Module, film: Film, batch: int, **options: Any) -> Callable[[], Any]:
    """Goes on from frame to frame; done when the belief is on the CPU."""
    state, device = None, device_of(model)
    frames = cycle([torch.from_numpy(f)[None, None].repeat(1, batch, 1, 1, 1) for f in film.frames])

    @torch.no_grad()
    def step() -> Any:
        nonlocal state
        belief, state = model(next(frames).to(device), state, **options)
        return [part.cpu() for part in belief]

    return step
