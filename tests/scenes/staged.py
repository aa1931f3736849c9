"""The timeline of a tier with what it is made of, and the light that a camera sees of it."""

from dataclasses import dataclass, replace

import numpy as np

from neurosvt.scenes.renderer import Renderer
from neurosvt.scenes.sampling import SampledObjects, SceneConfig, sample_objects
from neurosvt.scenes.sensor import EVERYWHERE
from neurosvt.scenes.tiers import TIERS
from neurosvt.scenes.timeline import Clock, Timeline


@dataclass(frozen=True)
class Staged:
    """What a tier makes of some objects."""

    objects: SampledObjects
    clock: Clock
    timeline: Timeline
    config: SceneConfig

    def light(self, substeps: list[int], blind: bool = False) -> np.ndarray:
        """(substeps, B, H, W) log intensity that the sensor sees, with the object or without."""
        config = replace(self.config, blind=blind)
        renderer = Renderer(self.objects, self.timeline, config)
        rows = np.arange(len(self.objects.label))
        shape, seen = renderer.scene.pixels.shape, []
        inside = slice(renderer.border, renderer.border + config.side)
        for k in substeps:
            renderer.scene.pixels[:] = renderer.background.pixels
            for sprite in (renderer.object, *renderer.distractors):
                for layer in sprite.layers:
                    layer.pixels[:] = 0
                renderer.draw(sprite, k, rows)
            seen.append(renderer.log_seen(k, EVERYWHERE).reshape(shape)[:, inside, inside])
        return np.stack(seen)


def staged(tier, batch=8, seen=4, hidden=12, after=6, seed=5, config=SceneConfig()):  # noqa: B008
    """A tier's timeline, as `make_scenes` asks for it."""
    rules = TIERS[tier].at(config)
    n, first = config.substeps, seen + rules.transition(seen, hidden)
    phases = [n * begin for begin in (seen, first, first + hidden, first + hidden + after)]
    clock = Clock(*phases, n, config.frame_us / n / 1000)
    sampling, hiding = np.random.default_rng(seed).spawn(2)
    objects = sample_objects(sampling, batch, config)
    objects = replace(objects, radius=rules.scale * objects.radius)
    return Staged(objects, clock, rules.timeline(objects, clock, hiding, config), config)
