"""Batch normalisation of pictures, of a batch that several processes may share.

Axes: B batch, C channels, Y X pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.ops.across import is_shared, total
from neurosvt.ops.precision import at_least_float32


class SharedBatchNorm2d(nn.BatchNorm2d):
    """PyTorch's, whose statistics are those of all processes where they share a batch.

    PyTorch's own `SyncBatchNorm` is for GPUs alone.
    """

    def forward(self, input: Float[Tensor, "B C Y X"]) -> Float[Tensor, "B C Y X"]:
        if not (self.training and is_shared()):
            alone: Tensor = super().forward(input)
            return alone
        x = at_least_float32(input)
        # In double precision, for what is left is a difference of large numbers.
        values, squares = (s.sum((0, 2, 3), dtype=torch.double) for s in (x, x.square()))
        here = values.new_full((1,), x.numel() / x.shape[1])
        values, squares, count = total(torch.cat([values, squares, here])).split(
            [len(values), len(values), 1]
        )
        mean, variance = values / count, squares / count - (values / count).square()
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.to(self.running_mean), share)
            unbiased = variance * count / (count - 1)
            self.running_var.lerp_(unbiased.to(self.running_var), share)
        scale = self.weight * torch.rsqrt(variance.to(x.dtype) + self.eps)
        shift = self.bias - mean.to(x.dtype) * scale
        y: Tensor = (x * scale[:, None, None] + shift[:, None, None]).to(input.dtype)
        return y
