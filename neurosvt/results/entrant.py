"""Who is judged, counted or shown: a model, and what a row says of it."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Entrant:
    """A model under the name that its rows carry."""

    name: str
    """What its rows and figures call it."""
    model: nn.Module
    """The network."""
    kind: str = "neurosvt"
    """What rows call the network."""
    tau: float | None = None
    """The one time constant of its memory, in time steps; None where it has many, or none."""
    parameters: int | None = None
    """Learnt numbers; None to count those of the model."""
    train_steps: int = 0
    """For how many steps it was trained; 0 if it was not."""

    def parameter_count(self) -> int:
        """Learnt numbers: `parameters`, or where that is None those of the model."""
        if self.parameters is not None:
            return self.parameters
        return sum(p.numel() for p in self.model.parameters())
