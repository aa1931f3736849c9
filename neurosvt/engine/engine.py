"""The event-driven engine: a trained NeuroSVT whose time follows the activity.

    engine = Engine(neurosvt.load("permanence").model)
    session = engine.session()
    belief = session.push(events)

Axes: T time steps, B cameras, Y X pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from neurosvt.engine.beliefs import LiveBelief
from neurosvt.engine.core import Core
from neurosvt.engine.many import play, push_all
from neurosvt.engine.session import NativeSession, Session
from neurosvt.engine.torch_session import TorchSession
from neurosvt.models.neurosvt_state import State
from neurosvt.nn.heads import Belief


class Engine(Core):
    """Runs a NeuroSVT event by event. What it is made of never changes, so that thousands of
    sessions, in any threads, share it.

    A silent step costs microseconds, and an active one as much as its spikes: weights of what fired
    are added up, membranes of what was touched are updated, and nothing else is looked at.
    Arguments and errors are those of `Core`.
    """

    def session(
        self, state: State | None = None, *, state_noise: float = 0.0, seed: int = 0
    ) -> Session:
        """A camera's stream, from its beginning or from a state.

        Args:
            state: of another session or of the model, for one sample; None: nothing was seen.
            state_noise: as of `NeuroSVT.forward`, for judging.
            seed: of that noise.

        Raises:
            ValueError: a state of another model, or noise below 0.
        """
        if not state_noise >= 0:
            raise ValueError(f"state_noise must be at least 0, got {state_noise}")
        made: Session
        if self.doors is None:
            made = TorchSession(self, state_noise, seed)
        else:
            made = NativeSession(self, self.plan, self.account, state_noise, seed)
        if state is not None:
            made.restore(state)
        return made

    def push_all(
        self, sessions: Sequence[Session], seen: Sequence[np.ndarray | None], *, asked: bool = True
    ) -> list[LiveBelief | None]:
        """A step of many cameras at once, over as many cores as PyTorch uses.

        Args:
            sessions: of this engine, each once.
            seen: of each, its events (n,) of dtype `EVENT`, or None.
            asked: whether beliefs are wanted.

        Raises:
            ValueError: a session of another engine, one that comes twice, or as of `Session.push`;
                sessions whose events were right have made their step.
        """
        return push_all(self, sessions, seen, asked)

    @torch.no_grad()
    def __call__(
        self,
        frames: Shaped[Tensor, "T B 2 Y X"],
        state: State | None = None,
        *,
        state_noise: float = 0.0,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, State]:
        """As the model: beliefs after every step of every sample, and the state to go on from.

        Args:
            frames, state, state_noise, asked: as of `NeuroSVT.forward`. Noise is of the same kind;
                its numbers are the engine's own, from a seed that PyTorch's generator gives.

        Raises:
            ValueError: as of `NeuroSVT.forward`.
        """
        if self.doors is None:
            out: tuple[Belief, State] = self.model(
                frames, state, state_noise=state_noise, asked=asked, frame_ms=self.frame_ms
            )
            return out
        return play(self, self.model.checked(frames), state, state_noise, asked)
