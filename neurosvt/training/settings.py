"""How a model that follows hidden objects, or names clips, is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from neurosvt.ops.precision import Amp


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained."""

    steps: int = 3000
    batch: int = 32
    """Sequences per pass: a step has as many times `accumulate`, times the processes that train."""
    accumulate: int = 1
    """Passes that a step is made of, where a batch does not fit at once; norms see one a time."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """A key of `training.optimizers.OPTIMIZERS`."""
    rate: float = 3e-3
    """Peak learning rate, reached after `warmup` of the steps; a cosine takes it to 0."""
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest gradient norm."""
    state_noise: float = 0.01
    """Noise on the memory at every step, in thresholds: what survives it is really kept."""
    hidden_steps: bool = True
    """Whether something is asked of hidden steps too, where an object hides."""
    position_weight: float = 1.0
    """What an error of position costs beside one of class, where an object hides."""
    choice_weight: float = 0.1
    """What it costs beside one of class to choose the wrong track to take the position from."""
    motion_weight: float = 0.3
    """What it costs beside one of class to take what moves for resting, or the other way round,
    where the position is chosen among tracks."""
    presence_weight: float = 0.1
    """What it costs beside one of class to be wrong about presence, where an object hides."""
    amp: Amp = "auto"
    """Whether matrix products are in half precision: "bfloat16", "float16" with scaled gradients,
    or "auto": what the hardware computes in. Spikes are exact in both, membranes and memory stay
    float32."""
    start: str | None = None
    """A trained model of the same shape (run folder, checkpoint or shipped model) whose weights
    training starts from; None for new ones."""
    kept_start: float = 0.0
    """Share of the weights of `start` in the mean that is kept at the end: less is forgotten.
    Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, sec. 3."""
    front_end: str | None = None
    """Another, of which only the weights before the memory are taken; None where `start` is."""
    freeze: Literal["nothing", "spatial"] = "nothing"
    """What does not learn: "spatial" is all that comes before the memory, its norms included."""
    validate_every: int = 250
    """Steps between looks at the validation scenes; each writes a checkpoint."""
    save_minutes: float = 10.0
    """Longest time between checkpoints."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "validate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("rate", "clip", "save_minutes"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number above 0, got {getattr(self, name)}")
        weights = ("position_weight", "choice_weight", "motion_weight", "presence_weight")
        for name in ("seed", "state_noise", "weight_decay", *weights):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")
        if self.start and self.front_end:
            raise ValueError("start takes all weights, and front_end some: only one can be named")
        for name in ("warmup", "kept_start"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be a share in [0, 1), got {getattr(self, name)}")
        if self.kept_start and not self.start:
            raise ValueError("kept_start is a share of the weights of start, and none is named")
