"""The simulator: objects, what hides them, and the event camera that looks on.

`make_scenes` makes a batch of sequences of a tier; `TIERS` holds the tiers, and takes more.
"""

from neurosvt.scenes.sampling import SHAPE_CLASSES, SampledObjects, SceneConfig
from neurosvt.scenes.scenes import Occlusion, Scenes, make_scenes, split_seed
from neurosvt.scenes.succession import all_tiers, make_succession
from neurosvt.scenes.tiers import TIERS, Tier
from neurosvt.scenes.timeline import UNBOUNDED, Clock, Timeline
from neurosvt.scenes.trajectories import Trajectory, bounce

__all__ = [
    "SHAPE_CLASSES",
    "TIERS",
    "UNBOUNDED",
    "Clock",
    "Occlusion",
    "SampledObjects",
    "SceneConfig",
    "Scenes",
    "Tier",
    "Timeline",
    "Trajectory",
    "all_tiers",
    "bounce",
    "make_scenes",
    "make_succession",
    "split_seed",
]
