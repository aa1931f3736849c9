"""Normalisation that keeps silence silent.

Axes: R rows (tokens that were touched), D channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.running import RunningNorm
from neurosvt.ops.across import is_shared
from neurosvt.ops.products import UNIT
from neurosvt.ops.scale import scale_by_rms


def to_grid(x: Tensor) -> Tensor:
    """The nearest multiple of `UNIT`: what sums of spikes are exact on, in any order."""
    return (x / UNIT).round() * UNIT


class ScaleNorm(RunningNorm):
    """Divides each channel by its root mean square, times a learnt gain; subtracts nothing.

    Zero in, zero out, and a scale per channel folds into the weights before it. In training the
    mean square is taken over the rows that are not all zero, so that it says how strong a token is
    that fired and not how rare it is; a running mean of it serves in eval mode.

    Args:
        width: channels.
        gain: where the learnt gain starts.
        momentum: share of each batch in the running mean square, as in `RunningNorm`.

    Source: batch normalisation (Ioffe and Szegedy 2015) without its centring.
    """

    mean_square: Tensor
    backend: str
    """How it is computed: see `ops.native`."""

    def __init__(self, width: int, gain: float = 1.0, *, momentum: float = 0.05, eps: float = 1e-5):
        super().__init__(momentum)
        self.eps = eps
        self.backend = "auto"
        self.gain = nn.Parameter(torch.full((width,), gain))
        self.register_buffer("mean_square", torch.ones(width))

    def scale(self) -> Float[Tensor, " D"]:
        """What eval mode multiplies each channel by."""
        return self.gain * torch.rsqrt(self.mean_square + self.eps)

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R D"]:
        if not self.training or not (len(x) or is_shared()):
            return x * self.scale().to(x.dtype)
        y, mean_square = scale_by_rms(x, self.gain, self.eps, self.backend)
        self.learn(mean_square)
        return y

    @torch.no_grad()
    def learn(self, mean_square: Float[Tensor, " D"]) -> None:
        """Take a batch into the running mean."""
        fired = mean_square.any()  # silence says nothing about how strong a token is that fires
        if self.momentum is None:
            share: float | Tensor = self.take_share() if fired else 0.0
        else:
            share = self.momentum * fired  # which is not read: a GPU would be waited for
        self.mean_square.lerp_(mean_square.to(self.mean_square), share)

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        self.mean_square.fill_(1)


class FixedScale(nn.Module):
    """A `ScaleNorm` that has stopped learning, rounded to the grid; a threshold per channel."""

    scale: Tensor

    def __init__(self, scale: Float[Tensor, " D"]):
        super().__init__()
        self.register_buffer("scale", to_grid(scale.detach()))

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R D"]:
        return x * self.scale
