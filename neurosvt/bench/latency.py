"""How long one frame takes: silent, noise alone, sparse, active; ours beside what people deploy.

One frame at a time, batch 1, one thread, candidates in turn; a frame with its beliefs unless the
name says otherwise.

Axes: T frames, Y X pixels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosvt.bench.image_latency import cifar10_candidates
from neurosvt.bench.onnx_peers import PlainViT, in_onnxruntime
from neurosvt.bench.peers import installed, reset, spikformer
from neurosvt.bench.timing import Candidate
from neurosvt.engine import Engine
from neurosvt.events.recording import EVENT
from neurosvt.experiments.checkpoints import load
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.vit import ViT, twin_of
from neurosvt.scenes.scenes import make_scenes

FRAMES = 24
"""Different ones of each kind, in the order in which a camera gave them."""
COLD_BYTES = 64 << 20
"""Read before a frame that finds its caches cold: more than any cache holds."""


@dataclass(frozen=True)
class Film:
    """Frames of one kind that follow each other."""

    what: str
    frames: np.ndarray
    """(T, 2, Y, X) bool."""

    @property
    def shape(self) -> str:
        """Sensor, and how many events a frame has."""
        side = self.frames.shape[-1]
        events = np.median(self.frames.reshape(len(self.frames), -1).sum(1))
        return f"{side} x {side}, {events:.0f} events"


def latency_candidates() -> Iterator[Candidate]:
    """Every candidate on every kind of frame that it is asked about, and on images."""
    model = load("permanence").model
    assert isinstance(model, NeuroSVT)
    films = scene_films()
    for film in films:
        yield from _ours(model, film)
    yield from _dense(model, films)
    wide, doubled = doubled_model(model), Film("active", doubled_frames(films[-1].frames))
    yield from _ours(wide, doubled)
    yield from _dense(wide, [doubled])
    yield from _spikformer(doubled)
    yield from cifar10_candidates()


def warm(
    name: str, what: str, shape: str, dtype: str, run: Callable[[], Any], *, heavy: bool = False
) -> Candidate:
    """A candidate that finds its caches as it left them: it has just seen the film, or, if heavy,
    two frames of it."""

    def look() -> None:
        for _ in range(2 if heavy else FRAMES):
            run()

    return Candidate(name, what, shape, dtype, run, heavy=heavy, before=look)


def scene_films() -> list[Film]:
    """From nothing to much: silence, sensor noise, an object that is mostly hidden, one in view."""
    random = np.random.default_rng(0)
    noise = random.random((FRAMES, 2, 64, 64)) < 5e-4
    films = [Film("silent", np.zeros((FRAMES, 2, 64, 64), bool)), Film("noise alone", noise)]
    for what, tier in (("sparse", "tunnel"), ("active", "curtain")):
        scenes = make_scenes(tier, seed=3, batch=1, seen=60, hidden=10, after=0)
        films.append(Film(what, scenes.frames[20 : 20 + FRAMES, 0]))
    return films


def records(frame: np.ndarray) -> np.ndarray:
    """A frame's events as a camera gives them."""
    p, y, x = frame.nonzero()
    events = np.zeros(len(p), EVENT)
    events["x"], events["y"], events["p"] = x, y, p
    return events


def _ours(model: NeuroSVT, film: Film) -> Iterator[Candidate]:
    for weights in ("int16", "int8"):
        engine = Engine(model, weights=weights)
        about = f"{film.what} frame", film.shape, weights
        yield warm("engine", *about, _pushes(engine, film, asked=True))
        yield warm("engine, no belief", *about, _pushes(engine, film, asked=False))
        if weights == "int16":
            cold = _pushes(engine, film, asked=True)
            yield Candidate("engine, caches cold", *about, cold, before=_evicts())
    eager, state, frames = model.on_grid(), None, _turns(film)

    @torch.no_grad()
    def step() -> None:
        nonlocal state
        _, state = eager(next(frames), state)

    yield warm(
        "the model in PyTorch", f"{film.what} frame", film.shape, "float32", step, heavy=True
    )


def _pushes(engine: Engine, film: Film, asked: bool) -> Callable[[], Any]:
    session, turns = engine.session(), cycle([records(frame) for frame in film.frames])
    return lambda: session.push(next(turns), asked=asked)


def _turns(film: Film) -> Iterator[Tensor]:
    return cycle([torch.from_numpy(frame)[None, None] for frame in film.frames])


def _evicts() -> Callable[[], Any]:
    much = np.ones(COLD_BYTES // 8)
    return much.sum


def _dense(model: NeuroSVT, films: Sequence[Film]) -> Iterator[Candidate]:
    """What people run instead: ViT-Tiny, which is not asked about a frame without events, and the
    dense twin, which looks at the tokens with events."""
    cfg, active = model.config, films[-1]
    torch.manual_seed(0)
    twin = ViT(twin_of(cfg, "tokens")).eval()
    state, frames = None, _turns(active)

    @torch.no_grad()
    def look() -> None:
        nonlocal state
        _, state = twin(next(frames), state)

    what = f"{active.what} frame"
    yield warm(
        "dense twin on active tokens, PyTorch", what, active.shape, "float32", look, heavy=True
    )
    if not find_spec("onnxruntime"):
        return
    side = cfg.image_size
    vit = PlainViT(2, side, side // 4, 192, 12, 3, cfg.classes + 3).eval()
    for dtype, ask in in_onnxruntime(vit, torch.zeros(1, 2, side, side)).items():
        for film in films:
            yield warm(
                "ViT-Tiny gated by events, onnxruntime", f"{film.what} frame", film.shape, dtype,
                _gated(ask, film), heavy=True,
            )  # fmt: skip


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

    yield warm(
        "Spikformer-2-256, SpikingJelly", f"{film.what} frame", film.shape, "float32", run,
        heavy=True,
    )  # fmt: skip


def doubled_model(model: NeuroSVT) -> NeuroSVT:
    """The same weights for a sensor of twice the side: every position's stand for four."""
    cfg = replace(model.config, image_size=2 * model.config.image_size)
    wide = NeuroSVT(cfg).eval()
    across = cfg.image_size // cfg.patch_size
    home = torch.arange(across**2)
    source = home // across // 2 * (across // 2) + home % across // 2
    weights = model.state_dict()
    for name in ("positions.table", "memory.read.own"):
        weights[name] = weights[name][source]
    wide.load_state_dict(weights)
    return wide


def doubled_frames(frames: np.ndarray) -> np.ndarray:
    """The same scene on twice the pixels a side: an edge is twice as long, and as thin."""
    whole = frames.repeat(2, -1).repeat(2, -2)
    random = np.random.default_rng(0)
    return whole & (random.random(whole.shape) < 0.5)
