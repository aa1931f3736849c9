"""A layer of spiking neurons that runs for one step from rest, behind a batch norm.

Axes: R rows (tokens of all samples), D channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.running import RunningNorm
from neurosvt.ops.batchnorm_spike import BatchStats, as_comparison, batchnorm_spike


class BatchNormSpike(RunningNorm):
    """Normalises the current of every channel over the batch, and fires where it reaches 1.

    The norm's learnt bias is a threshold of its own for every channel; at deployment norm and
    threshold together are one comparison a channel. Slopes matter while it trains, and are not
    asked for otherwise.

    Args:
        width: channels.
        slope: gives each row's surrogate slope (R, 1) for the rows (R, D); see `nn.slope`.
        norm: False takes the current as it is, and learns nothing.
        momentum: share of each batch in the running moments, as in `RunningNorm`.
    """

    mean: Tensor
    variance: Tensor
    backend: str
    """How it is computed: see `ops.native`."""

    def __init__(
        self,
        width: int,
        slope: nn.Module,
        *,
        norm: bool = True,
        momentum: float = 0.1,
    ):
        super().__init__(momentum)
        self.slope = slope
        self.learns = norm
        self.backend = "auto"
        gain, start = torch.ones(width), torch.zeros(width)
        if norm:
            self.weight, self.bias = nn.Parameter(gain), nn.Parameter(start)
        else:
            self.register_buffer("weight", gain, persistent=False)
            self.register_buffer("bias", start, persistent=False)
        self.register_buffer("mean", torch.zeros(width), persistent=norm)
        self.register_buffer("variance", torch.ones(width), persistent=norm)

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R D"]:
        fresh = self.training and self.learns
        slope = self.slope(x) if self.training else x.new_ones((x.shape[0], 1), dtype=torch.float32)
        spikes, moments = batchnorm_spike(
            x, self.weight, self.bias, slope,
            moments=None if fresh else BatchStats(self.mean, self.variance),
            eps=self._eps, backend=self.backend,
        )  # fmt: skip
        if fresh:
            share = self.take_share()
            self.mean.lerp_(moments.mean, share)
            self.variance.lerp_(moments.variance, share)
        return spikes

    @property
    def _eps(self) -> float:
        """What is added to the variance."""
        return 1e-5 if self.learns else 0.0

    def comparison(self) -> Float[Tensor, "2 D"]:
        """Factor and offset of every channel by the running moments: in eval mode it fires where
        x * factor + offset reaches 1."""
        return torch.stack(
            as_comparison(self.weight, self.bias, self.mean, self.variance, self._eps)
        )

    def reset_running_stats(self) -> None:
        super().reset_running_stats()
        self.mean.zero_()
        self.variance.fill_(1)
