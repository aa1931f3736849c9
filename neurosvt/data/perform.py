"""The play before the sensor: a script's events.

`perform_reference` is the definition; the kernel plays the same, event by event.

Axes: T frames, B batch, H W sensor pixels, K moments.
"""

import math

import numpy as np
import torch

from neurosvt.data.cast import Cast, SceneConfig
from neurosvt.data.sensor import EVERYWHERE, Region, Sensor
from neurosvt.data.stage import Script, Stage
from neurosvt.ops.native import call, suits


def perform(
    cast: Cast,
    script: Script,
    frames: np.ndarray,
    rng: np.random.Generator,
    config: SceneConfig,
    backend: str = "auto",
) -> None:
    """Play a script before the sensor; its events go into `frames` (T, B, 2, H, W), all False.

    Only pixels that can change are looked at: a square around each moving thing, the strips that
    the edges of bands pass, and all of them while the light changes. What rests costs nothing.
    """
    stage = Stage(cast, script, config)
    sensor = Sensor(
        stage.log_seen(0, EVERYWHERE).reshape(stage.scene.pixels.shape),
        frames,
        threshold=config.contrast_threshold,
        mismatch=config.mismatch,
        refractory=moments_within(config.refractory_us, config.frame_us / config.substeps),
        side=stage.scene.side,
        rng=rng,
    )
    kernel = suits(torch.empty(0), backend) and not sensor.refractory
    (perform_native if kernel else perform_reference)(stage, sensor, config.substeps)


def perform_reference(stage: Stage, sensor: Sensor, substeps: int) -> None:
    """The definition, moment by moment."""
    things = [stage.object, *stage.distractors]
    moves: list[np.ndarray] = [(np.diff(t.position, axis=0) != 0).any(-1) for t in things]
    edges_move: np.ndarray = (np.diff(stage.bands, axis=0) != 0).any((2, 3))
    light_moves: np.ndarray = np.diff(stage.log_light, axis=0) != 0
    happens = np.any([*moves, edges_move, light_moves], axis=0).any(1)
    for k in np.flatnonzero(happens).tolist():
        # All is put in its place before any of it is looked at.
        changed: list[Region] = []
        for thing, moving in zip(things, moves, strict=True):
            if moving[k].any():
                changed.append(stage.place(thing, k + 1, np.flatnonzero(moving[k])))
        if edges_move[k].any():
            changed.append(stage.strips(k, k + 1))
        if light_moves[k].any():
            changed = [EVERYWHERE]
        for region in changed:
            sensor.see(k, k // substeps, region, stage.log_seen(k + 1, region))


def perform_native(stage: Stage, sensor: Sensor, substeps: int) -> None:
    """The same through the kernel, which plays one sequence after the other."""
    things = [stage.object, *stage.distractors]
    moments, batch, bands, _ = stage.bands.shape
    layers = [layer.pixels for thing in things for layer in thing.layers]
    curtain = (stage.distance.pixels, stage.curtain.pixels) if stage.has_bands else (None, None)
    call(
        "play", torch.float32, torch.from_numpy(sensor.frames), batch, sensor.frames.shape[-1],
        stage.width, substeps, moments - 1, len(things), stage.object.side,
        bands if stage.has_bands else 0,
        *map(_tensor, (
            np.stack([thing.position for thing in things]),
            np.stack([thing.sprites for thing in things]),
            stage.background.pixels, stage.scene.pixels, np.stack(layers) if layers else None,
            stage.bands, *curtain, stage.log_light,
            sensor.threshold.pixels, sensor.reference.pixels,
        )),
    )  # fmt: skip


def _tensor(array: np.ndarray | None) -> torch.Tensor | None:
    return None if array is None else torch.from_numpy(np.ascontiguousarray(array))


def moments_within(rest_us: int, substep_us: float) -> int:
    """How many of the moments after an event lie within the rest that follows it.

    >>> [moments_within(rest, substep_us=5_000.0) for rest in (1_000, 12_000)]
    [0, 2]
    """
    return max(0, math.ceil(rest_us / substep_us) - 1)
