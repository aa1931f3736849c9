"""What happens in a scene: where everything is, and how light it is, at every substep.

Axes: B batch, K substeps of frames (substep 0 lies before the first frame), P bands. Lengths are
pixels, x runs right, y down.
"""

from dataclasses import dataclass

import numpy as np

from neurosvt.scenes.sampling import Appearance

UNBOUNDED = 1e6
"""Where a band ends that has no end, pixels."""


@dataclass(frozen=True)
class Clock:
    """The substeps at which the phases of a scene begin; the first, in view, begins at 0."""

    hide: int
    """Something begins to hide the object."""
    hidden: int
    """Nothing of it can be seen any more."""
    back: int
    """It begins to come back."""
    end: int
    """The last substep."""
    substeps: int
    """Substeps of a frame."""
    substep_ms: float


@dataclass(frozen=True)
class Timeline:
    """What happens at every substep, as a tier decides it."""

    position: np.ndarray
    """(K, B, 2) centre of the object, pixels."""
    light: np.ndarray
    """(K, B) level of illumination, 1 when on."""
    normal: np.ndarray
    """(B, 2) unit vector across the opaque bands; 0 for none."""
    bands: np.ndarray
    """(K, B, P, 2) from where to where the bands reach along the normal, pixels."""
    distractors: tuple[tuple[Appearance, np.ndarray], ...] = ()
    """What passes in front of everything, each with its positions (K, B, 2)."""
    curtain: np.ndarray | None = None
    """(B, 3) what the bands are made of, as `SampledObjects.curtain`; None: as the objects say."""
    shown: Appearance | None = None
    """How the object looks instead of as its class; None: as its class."""
    vanishes: np.ndarray | None = None
    """(B,) substep at which the object begins to vanish; None: `Clock.hide`."""
    returns: np.ndarray | None = None
    """(B,) substep at which enough of it is back; None: `Clock.back`."""
    unfamiliar: np.ndarray | None = None
    """(B,) bool: which outlines are of a family that training never shows; None where all objects
    are of the classes."""
