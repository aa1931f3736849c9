"""What PermanenceBench asks: a plan, checked before anything is judged."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from neurosvt.config import Registry, UserError
from neurosvt.permanence.evaluate import cells
from neurosvt.permanence.moments import judges_presence
from neurosvt.permanence.tasks import SceneTask, Task

STATE_BITS = (8, 16, 32)
"""Of a number of a state: 32 for floats, fewer for whole numbers."""

FRAME_MS = (1.0, 100.0)
"""Shortest and longest frame that models are judged at, in milliseconds."""


@dataclass(frozen=True)
class PermanencePlan:
    """On what models are judged, and what disturbs them meanwhile.

    >>> PermanencePlan(state_bits=12)
    Traceback (most recent call last):
    neurosvt.config.UserError: state_bits must be 8, 16 or 32, got 12

    Raises:
        UserError: a setting that does not exist or does not fit, or tiers that hide nothing.
    """

    task: Task = field(default_factory=lambda: SceneTask("test"))
    """The scenes or recordings."""
    tiers: tuple[str, ...] | None = None
    """What hides the object; None for the task's own."""
    hidden: tuple[int, ...] = (30, 60, 120, 300, 1000)
    """Numbers of hidden frames. A tier that cannot hide an object for so long is left out."""
    events: int = 1000
    """Occlusion events per cell of tier and hidden frames."""
    state_noise: float = 0.0
    """On every model's state at every step, in thresholds."""
    state_bits: int = 32
    """Of a number of a memory's state: 32, or 16 or 8 for whole numbers."""
    frame_ms: float | None = None
    """Length of a frame, milliseconds; None for that of the task."""
    blind: bool = False
    """Whether the object is left out of the scenes: what does its hiding place tell?"""
    seed: int | None = None
    """Of the scenes; None for that of the task."""
    seen: int | None = None
    """Frames in view before anything hides the object; None for that of the task."""

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise UserError(f"hidden must be numbers of frames above 0, got {self.hidden}")
        if self.events < 1:
            raise UserError(f"events must be at least 1, got {self.events}")
        seed = self.task.seed if self.seed is None else self.seed
        if seed < 0:
            raise UserError(f"seed must be at least 0, got {seed}")
        if not 0 <= self.state_noise < math.inf:
            raise UserError(f"state_noise must be a number from 0, got {self.state_noise}")
        if self.state_bits not in STATE_BITS:
            raise UserError(f"state_bits must be 8, 16 or 32, got {self.state_bits}")
        if self.frame_ms is not None and not FRAME_MS[0] <= self.frame_ms <= FRAME_MS[1]:
            raise UserError(f"frame_ms must lie in 1 to 100, got {self.frame_ms:g}")
        if self.seen is not None and not hasattr(self.task, "seen"):
            raise UserError(f"seen is of no use: recordings of {self.task.name} are seen whole")
        if self.seen is not None and self.seen < 1:
            raise UserError(f"seen must be at least 1 frame, got {self.seen}")
        if self.blind and not isinstance(self.task, SceneTask):
            raise UserError("blind is for made-up scenes: recordings show what they show")
        known = Registry("tier", {tier: tier for tier in self.task.known})
        tiers = [known[tier] for tier in self.judged_tiers]
        if not tiers:
            raise UserError(f"tiers must name some of {', '.join(known)}, got none")
        if self.blind and all(map(judges_presence, tiers)):
            raise UserError(
                f"blind leaves out the object, and {', '.join(tiers)} asks nothing else"
            )
        if not list(self.cells()):
            raise UserError(
                f"hidden is {self.hidden}: {', '.join(tiers)} hides nothing for so long"
            )

    @property
    def judged_task(self) -> Task:
        """The task with this plan's seed, view and frame length, blind where that is asked."""
        asked = {"seed": self.seed, "seen": self.seen}
        told = {name: value for name, value in asked.items() if value is not None}
        task: Task = replace(self.task, **told)  # type: ignore[arg-type]
        if self.frame_ms is not None:
            task = task.at(round(1000 * self.frame_ms))
        return replace(task, scene=replace(task.scene, blind=True)) if self.blind else task

    @property
    def judged_tiers(self) -> tuple[str, ...]:
        """The tiers of this plan, or those of its task."""
        return self.task.tiers if self.tiers is None else tuple(self.tiers)

    def cells(self) -> Iterator[tuple[str, int]]:
        """Every tier with every number of hidden frames that it has; where the object is left out,
        without those of presence, which would have nothing to ask."""
        tiers = [t for t in self.judged_tiers if not (self.blind and judges_presence(t))]
        return cells(self.judged_task, self.hidden, tiers)

    def words(self) -> list[str]:
        """The options of `neurosvt permanence` that ask the same, whatever its defaults are."""
        words = ["--tiers", ",".join(self.judged_tiers)]
        words += ["--hidden", ",".join(map(str, self.hidden)), "--events", str(self.events)]
        words += ["--state-noise", f"{self.state_noise:g}"]
        words += [] if self.state_bits == 32 else ["--state-bits", str(self.state_bits)]
        words += [] if self.frame_ms is None else ["--frame-ms", f"{self.frame_ms:g}"]
        words += ["--blind"] if self.blind else []
        words += [] if self.seen is None else ["--seen", str(self.seen)]
        return [*words, "--seed", str(self.seed)]

    def options(self) -> dict[str, Any]:
        """What every model is called with, beside frames and state."""
        options: dict[str, Any] = {"state_noise": self.state_noise}
        if self.state_bits != 32:
            options["state_bits"] = self.state_bits
        if self.frame_ms is not None:
            options["frame_ms"] = self.frame_ms
        return options
