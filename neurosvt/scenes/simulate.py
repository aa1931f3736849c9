"""The events that a camera reports of a timeline.

`simulate_reference` is the definition; the kernel gives the same, event by event.

Axes: T frames, B batch, H W sensor pixels, K substeps.
"""

import math

import numpy as np
import torch

from neurosvt.ops.native import call, suits
from neurosvt.ops.operators import Operator
from neurosvt.scenes.renderer import Renderer
from neurosvt.scenes.sampling import SampledObjects, SceneConfig
from neurosvt.scenes.sensor import EVERYWHERE, Region, Sensor
from neurosvt.scenes.timeline import Timeline


def simulate(
    objects: SampledObjects,
    timeline: Timeline,
    frames: np.ndarray,
    rng: np.random.Generator,
    config: SceneConfig,
    backend: str = "auto",
) -> None:
    """Show a timeline to the sensor, and set its events in `frames`.

    Only pixels that can change are looked at: a square around each moving object, the strips that
    the edges of bands pass, and all of them while the light changes. What rests costs nothing.

    Args:
        objects: the objects and backgrounds.
        timeline: what happens to them.
        frames: (T, B, 2, H, W) bool, all False, C-contiguous; written to.
        rng: draws the sensor's mismatch and where its pixels start.
        config: the camera.
        backend: "auto" and "native" take the kernel where there is one and it can; anything else
            the definition.
    """
    renderer = Renderer(objects, timeline, config)
    advance(renderer, sensor_before(renderer, frames, rng, config), config, backend)


def sensor_before(
    renderer: Renderer, frames: np.ndarray, rng: np.random.Generator, config: SceneConfig
) -> Sensor:
    """A sensor that has long watched what is shown at substep 0; arguments as of `simulate`."""
    return Sensor(
        renderer.log_seen(0, EVERYWHERE).reshape(renderer.scene.pixels.shape),
        frames,
        threshold=config.contrast_threshold,
        mismatch=config.mismatch,
        refractory=substeps_within(config.refractory_us, config.frame_us / config.substeps),
        side=renderer.scene.side,
        rng=rng,
    )


def advance(renderer: Renderer, sensor: Sensor, config: SceneConfig, backend: str = "auto") -> None:
    """Show all substeps of a renderer to its sensor; arguments as `simulate`."""
    kernel = suits(torch.empty(0), backend) and not sensor.refractory
    (simulate_native if kernel else simulate_reference)(renderer, sensor, config.substeps)


def simulate_reference(renderer: Renderer, sensor: Sensor, substeps: int) -> None:
    """The definition, substep by substep."""
    sprites = [renderer.object, *renderer.distractors]
    moves: list[np.ndarray] = [
        (np.diff(sprite.position, axis=0) != 0).any(-1) for sprite in sprites
    ]
    edges_move: np.ndarray = (np.diff(renderer.bands, axis=0) != 0).any((2, 3))
    light_moves: np.ndarray = np.diff(renderer.log_light, axis=0) != 0
    happens = np.any([*moves, edges_move, light_moves], axis=0).any(1)
    for k in np.flatnonzero(happens).tolist():
        # Everything is drawn before any of it is looked at.
        changed: list[Region] = []
        for sprite, moving in zip(sprites, moves, strict=True):
            if moving[k].any():
                changed.append(renderer.draw(sprite, k + 1, np.flatnonzero(moving[k])))
        if edges_move[k].any():
            changed.append(renderer.strips(k, k + 1))
        if light_moves[k].any():
            changed = [EVERYWHERE]
        for region in changed:
            sensor.see(k, k // substeps, region, renderer.log_seen(k + 1, region))


def simulate_native(renderer: Renderer, sensor: Sensor, substeps: int) -> None:
    """The same through the kernel, which takes one sequence after the other."""
    sprites = [renderer.object, *renderer.distractors]
    layers = [layer.pixels for sprite in sprites for layer in sprite.layers]
    steps = len(renderer.bands) - 1
    bands, distance, curtain = 0, None, None
    if renderer.has_bands:
        bands = renderer.bands.shape[2]
        distance, curtain = renderer.distance.pixels, renderer.curtain.pixels
    _simulate(
        torch.from_numpy(sensor.frames), substeps, steps, renderer.object.side, bands,
        *map(_tensor, (
            np.stack([sprite.position for sprite in sprites]),
            np.stack([sprite.images for sprite in sprites]),
            renderer.background.pixels, renderer.scene.pixels, np.stack(layers) if layers else None,
            renderer.bands, distance, curtain, renderer.log_light,
            sensor.threshold.pixels, sensor.reference.pixels,
        )),
    )  # fmt: skip


def _tensor(array: np.ndarray | None) -> torch.Tensor | None:
    return None if array is None else torch.from_numpy(np.ascontiguousarray(array))


def _run(
    frames: torch.Tensor,
    substeps: int,
    steps: int,
    side: int,
    bands: int,
    position: torch.Tensor,
    sprites: torch.Tensor,
    background: torch.Tensor,
    scene: torch.Tensor,
    layers: torch.Tensor | None,
    *rest: torch.Tensor | None,
) -> None:
    if (
        sprites.shape[-1] != side * side + side + 1
        or len(frames) * substeps < steps
        or len(position[0]) != steps + 1
    ):
        raise ValueError(f"sprites of {side} pixels a side for {steps} substeps do not fit")
    call(
        "simulate", frames, substeps, steps, side, bands, position, sprites, background, scene,
        layers, *rest,
    )  # fmt: skip


_simulate = Operator(
    "simulate(Tensor(a!) frames, int substeps, int steps, int side, int bands, Tensor position, "
    "Tensor sprites, Tensor background, Tensor(b!) scene, Tensor(c!)? layers, Tensor edges, "
    "Tensor? distance, Tensor? curtain, Tensor log_light, Tensor threshold, Tensor(d!) reference) "
    "-> ()",
    _run,
    lambda *inputs: None,
)


def substeps_within(rest_us: int, substep_us: float) -> int:
    """How many of the substeps after an event lie within the rest that follows it.

    >>> [substeps_within(rest, substep_us=5_000.0) for rest in (1_000, 12_000)]
    [0, 2]
    """
    return max(0, math.ceil(rest_us / substep_us) - 1)
