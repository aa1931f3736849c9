"""How long one frame takes: silent, noise alone, sparse, active; ours beside what people deploy.

One frame at a time, batch 1, one thread, candidates in turn; a frame with its beliefs unless the
name says otherwise.

Axes: T frames.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurosvt.bench.films import (
    FRAMES,
    Film,
    doubled_film,
    noise_film,
    recorded_films,
    scene_films,
)
from neurosvt.bench.gpu_latency import gpu_candidates
from neurosvt.bench.image_latency import cifar10_candidates
from neurosvt.bench.onnx_peers import PlainViT, in_onnxruntime
from neurosvt.bench.peers import installed, reset, spikformer
from neurosvt.bench.timing import Candidate
from neurosvt.engine import Engine
from neurosvt.experiments.checkpoints import load
from neurosvt.experiments.devices import place
from neurosvt.live.played import frame_events
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import side_of_square
from neurosvt.models.vit import ViT, twin_of
from neurosvt.nn.heads import BEYOND_CLASSES

COLD_BYTES = 64 << 20
"""Read before a frame that finds its caches cold: more than any cache holds."""


def latency_candidates() -> Iterator[Candidate]:
    """Every candidate on every kind of frame that it is asked about, and on images."""
    model, reader = (load(name).model for name in ("permanence", "nmnist"))
    assert isinstance(model, NeuroSVT)
    assert isinstance(reader, NeuroSVT)
    if place().type != "cpu":
        yield from gpu_candidates(model, [*scene_films(), *recorded_films("object", 64)])
        yield from gpu_candidates(doubled_model(model).to(place()), [noise_film(128)])
        return
    scenes, wide = scene_films(), doubled_model(model)
    doubled = doubled_film(scenes[-1])
    yield from frame_candidates(model, [*scenes, *recorded_films("object", 64)])
    yield from frame_candidates(reader, recorded_films("digit", 64))
    yield from frame_candidates(wide, [noise_film(128), doubled, *recorded_films("object", 128)])
    yield from _spikformer(doubled)
    yield from cifar10_candidates()


def frame_candidates(model: NeuroSVT, films: Sequence[Film]) -> Iterator[Candidate]:
    """The model and what people run instead, on frames of every film."""
    for film in films:
        yield from _ours(model, film)
    if films:
        yield from _dense(model, films)


def warm(
    name: str, what: str, shape: str, dtype: str, run: Callable[[], Any], *, heavy: bool = False
) -> Candidate:
    """A candidate that finds its caches as it left them: it has just seen the film, or, if heavy,
    two frames of it."""

    def look() -> None:
        for _ in range(2 if heavy else FRAMES):
            run()

    return Candidate(name, what, shape, dtype, run, heavy=heavy, before=look)


def _ours(model: NeuroSVT, film: Film) -> Iterator[Candidate]:
    for weights in ("int16", "int8"):
        engine = Engine(model, weights=weights, frame_ms=film.ms)
        about = film.kind, film.shape, weights
        yield warm("engine", *about, _pushes(engine, film, asked=True))
        yield warm("engine, no belief", *about, _pushes(engine, film, asked=False))
        if weights == "int16":
            cold = _pushes(engine, film, asked=True)
            yield Candidate("engine, caches cold", *about, cold, before=_evicts())
    eager, state, frames = model.on_grid(), None, _turns(film)

    @torch.no_grad()
    def step() -> None:
        nonlocal state
        _, state = eager(next(frames), state, frame_ms=film.ms)

    yield warm("the model in PyTorch", film.kind, film.shape, "float32", step, heavy=True)


def _pushes(engine: Engine, film: Film, asked: bool) -> Callable[[], Any]:
    session, turns = engine.session(), cycle([frame_events(frame, 0) for frame in film.frames])
    return lambda: session.push(next(turns), asked=asked)


def _turns(film: Film) -> Iterator[Tensor]:
    return cycle([torch.from_numpy(frame)[None, None] for frame in film.frames])


def _evicts() -> Callable[[], Any]:
    much = np.ones(COLD_BYTES // 8)
    return much.sum


def _dense(model: NeuroSVT, films: Sequence[Film]) -> Iterator[Candidate]:
    """What people run instead: ViT-Tiny, which is not asked about a frame without events, and the
    dense twin, which looks at the tokens with events."""
    cfg = model.config
    torch.manual_seed(0)
    twin = ViT(twin_of(cfg, "tokens")).eval()
    for film in films:
        yield warm(
            "dense twin on active tokens, PyTorch", film.kind, film.shape, "float32",
            _looks(twin, film), heavy=True,
        )  # fmt: skip
    if not find_spec("onnxruntime"):
        return
    side = side_of_square(cfg, "ViT-Tiny")
    vit = PlainViT(2, side, side // 4, 192, 12, 3, cfg.classes + BEYOND_CLASSES).eval()
    for dtype, ask in in_onnxruntime(vit, torch.zeros(1, 2, side, side)).items():
        for film in films:
            yield warm(
                "ViT-Tiny gated by events, onnxruntime", film.kind, film.shape, dtype,
                _gated(ask, film), heavy=True,
            )  # fmt: skip


def _looks(twin: nn.Module, film: Film) -> Callable[[], Any]:
    """Goes on from frame to frame."""
    state, frames = None, _turns(film)

    @torch.no_grad()
    def look() -> None:
        nonlocal state
        _, state = twin(next(frames), state)

    return look


def _gated(ask: Callable[[np.ndarray], Any], film: Film) -> Callable[[], Any]:
    """Asks only where there is an event."""
    frames = cycle(film.frames)

    def run() -> None:
        frame = next(frames)
        if frame.any():
            ask(frame[None].astype(np.float32))

    return run


def _spikformer(film: Film) -> Iterator[Candidate]:
    if "spikingjelly" not in installed():
        return
    peer = spikformer().eval()
    frames = cycle([torch.from_numpy(f)[None, None].float() for f in film.frames])

    @torch.no_grad()
    def run() -> None:
        reset(peer)
        peer(next(frames))

    yield warm("Spikformer-2-256, SpikingJelly", film.kind, film.shape, "float32", run, heavy=True)


def doubled_model(model: NeuroSVT) -> NeuroSVT:
    """The same weights for a sensor of twice the side: every position's stand for four."""
    cfg = replace(model.config, image_size=tuple(2 * side for side in model.config.sensor))
    wide = NeuroSVT(cfg).eval()
    across = cfg.grid.width
    home = torch.arange(cfg.patches)
    source = home // across // 2 * (across // 2) + home % across // 2
    weights = model.state_dict()
    for name in ("positions.table", "memory.read.own"):
        weights[name] = weights[name][source]
    wide.load_state_dict(weights)
    return wide
