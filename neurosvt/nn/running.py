"""Running statistics of a norm, as PyTorch's tools expect them of batch norms."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class RunningNorm(_BatchNorm):
    """A norm that keeps a running mean of what it saw in training.

    To PyTorch it is a batch norm: `torch.optim.swa_utils.update_bn` averages its statistics anew,
    and whoever freezes all batch norms finds it. Parameters and statistics are its own, so
    `SyncBatchNorm.convert_sync_batchnorm` refuses it: it has no `num_features`.

    Args:
        momentum: share of each batch in the running statistics; None for a plain mean of all
            batches since they were reset.
    """

    averaged: int = 0
    """Batches in the plain mean."""
    # What a batch norm adds to its state is not kept here.
    _version = nn.Module._version
    _load_from_state_dict = nn.Module._load_from_state_dict

    def __init__(self, momentum: float | None):
        nn.Module.__init__(self)
        self.momentum = momentum

    def take_share(self) -> float:
        """The share of the batch at hand in the running statistics."""
        if self.momentum is not None:
            return self.momentum
        self.averaged += 1
        return 1 / self.averaged

    def reset_running_stats(self) -> None:
        """Forget all batches: statistics are what they were before the first."""
        self.averaged = 0

    def reset_parameters(self) -> None:
        """Forget all that was learnt."""
        raise NotImplementedError(f"{type(self).__name__} is made anew instead")

    def extra_repr(self) -> str:
        return f"momentum={self.momentum}"
