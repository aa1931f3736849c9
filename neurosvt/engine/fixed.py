"""The engine in whole numbers: a trained NeuroSVT without floating point, the same to the bit on
every processor, and in the C that `neurosvt export --to c` writes.

Axes: T time steps, B cameras, Y X pixels, A numbers of an answer.
"""

import ctypes
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Int32, Shaped
from torch import Tensor

from neurosvt.config import UserError
from neurosvt.engine.fixed_layout import fixed_layout
from neurosvt.engine.fixed_plan import FIXED_BITS, FixedPlan
from neurosvt.engine.library import with_doors
from neurosvt.engine.whole_numbers import POINT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import positive
from neurosvt.nn.heads import Belief
from neurosvt.presence import Presence

FixedState = tuple[np.ndarray, ...]
"""What steps have left behind, of every camera: bytes."""

FIXED = {f"fixed{bits}": bits for bits in FIXED_BITS}
"""What asks for whole numbers where weights of an engine are named, and the bits of each."""

_P, _N, _I = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
_DOORS = {
    "fixed_layout": ([], _N),
    "fixed_begin": ([_P, _I, _P], None),
    "fixed_play": ([_P, _I, _P, _N, _P, _N, _P, _N, _P, _I], None),
}


class FixedEngine:
    """Runs a NeuroSVT in whole numbers of few bits: weights, thresholds, decays and state.

    Sums have 32 bits, and what passes between layers of the heads has 16; so have the numbers of
    tracks 32. A group of memory channels shares an exponent, and is rounded only when its write
    gate opens.

    Args:
        model: is copied, as it is now.
        bits: 16, 8, 6 or 4.
        frame_ms: length of a step; None for that of the model's config.

    Raises:
        UserError: other bits, a model that has no such form, or a machine without the C++.
    """

    def __init__(self, model: NeuroSVT, bits: int = 16, *, frame_ms: float | None = None):
        self.frame_ms = model.config.frame_ms
        if frame_ms is not None:
            self.frame_ms = float(positive("frame_ms", frame_ms))
        self.model = model
        self.plan = FixedPlan(model, bits, self.frame_ms / model.config.frame_ms)
        doors = fixed_library()
        if doors is None:
            raise UserError("whole numbers need the C++, which was not built on this machine")
        self.doors = doors
        self.container = 16 if bits == 16 else 8

    def start(self, batch: int) -> FixedState:
        """The state of cameras that have seen nothing."""
        states = tuple(np.zeros(self.plan.c.at.bytes // 8, np.int64) for _ in range(batch))
        for state in states:
            self.doors.fixed_begin(self.plan.address, self.container, state.ctypes.data)
        return states

    def answers(
        self,
        frames: Shaped[Tensor, "T B 2 Y X"],
        state: FixedState | None = None,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Int32[Tensor, "T B A"], FixedState]:
        """Whole numbers of every answer, as C gives them, and the state to go on from.

        An answer is class scores, probabilities, scores of presence, their probabilities, all times
        2^14, then x and y times 2^16.
        """
        pixels = self.model.checked(frames).bool().contiguous()
        steps, batch = pixels.shape[:2]
        before = self.start(batch) if state is None else state
        states = tuple(one.copy() for one in before)
        wanted = None if asked is None else asked.bool().contiguous()
        found = torch.zeros(steps, batch, self.plan.answer_size, dtype=torch.int32)
        addresses = np.array([one.ctypes.data for one in states], np.int64)
        self.doors.fixed_play(
            self.plan.address, self.container, addresses.ctypes.data, batch, pixels.data_ptr(),
            steps, None if wanted is None else wanted.data_ptr(), found.shape[-1], found.data_ptr(),
            torch.get_num_threads(),
        )  # fmt: skip
        return found, states

    def __call__(
        self,
        frames: Shaped[Tensor, "T B 2 Y X"],
        state: FixedState | None = None,
        *,
        state_noise: float = 0.0,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, FixedState]:
        """As `Engine.__call__`: beliefs after every step of every camera, and the state.

        Raises:
            UserError: noise on the state, which is for real numbers.
        """
        if state_noise:
            raise UserError(
                f"state_noise {state_noise:g} is for real numbers; judge whole ones without it"
            )
        found, state = self.answers(frames, state, asked)
        return belief_of(found, self.plan.classes), state


def belief_of(answers: Int32[Tensor, "T B A"], classes: int) -> Belief:
    """What whole numbers say, in real ones."""
    kinds = len(Presence)
    scores, _, presence, _, position = answers.split([classes, classes, kinds, kinds, 2], -1)
    return Belief(scores / 2**POINT, position / 65536, presence / 2**POINT)


@cache
def fixed_library() -> ctypes.CDLL | None:
    """The doors of native/fixed.cpp, or None where they were not built for this machine."""
    return with_doors(_DOORS, "fixed_layout", fixed_layout())
