"""Weights of a model for a sensor of another shape.

What a token's place has weights for, its position and what the memory reads there, is stretched
over the new sensor, as those of vision transformers are for larger images (Dosovitskiy et al.,
ICLR 2021, sec. 3.2). Places are told in [0, 1] of the sensor, so that what was learnt of them
still says the same; all other weights know nothing of places.

Axes: N tokens, K cosines.
"""

from typing import Any

from torch import Tensor
from torch.nn import functional as F

from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.plain_copy import plain_copy
from neurosvt.sides import Sides

TABLE, OWN = "positions.table", "memory.read.own"
"""Weights (N, ...) with a row for every token."""
WAVES = "memory.read.parametrizations.own.original"
"""Weights (K, ...) that stand for the latter, see `nn.reads.Waves`."""


def weights_for(model: NeuroSVT, first: NeuroSVT) -> dict[str, Tensor]:
    """The weights of `first` for `model`, whose sensor may be another one, and whose memory may
    read with waves where the other has weights of every place, or the other way round."""
    before, after = first.config.grid, model.config.grid
    wanted = model.state_dict()
    weights = first.state_dict()
    if WAVES not in weights or WAVES not in wanted or weights[WAVES].shape != wanted[WAVES].shape:
        weights = plain_copy(first).state_dict()
    if before != after:
        for name in {TABLE, OWN} & weights.keys():
            weights[name] = stretched(weights[name], before, after)
    if WAVES in wanted and OWN in weights:
        waves: Any = model.memory.read.parametrizations.own[0]  # type: ignore[union-attr,index]
        weights[WAVES] = waves.right_inverse(weights.pop(OWN))
    return dict(weights)


def stretched(weight: Tensor, before: Sides, after: Sides) -> Tensor:
    """(N, ...) of one grid as (N', ...) of the other, each row a mean of those nearest to it."""
    image = weight.float().flatten(1).T.unflatten(1, (before.height, before.width))
    wide: Tensor = F.interpolate(
        image[None], size=(after.height, after.width), mode="bilinear", align_corners=False
    )[0]
    return wide.flatten(1).T.reshape(after.area, *weight.shape[1:]).to(weight.dtype)
