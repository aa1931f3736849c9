"""What turns gradients into steps: one optimiser, or several that share a model."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import Parameter
from torch.optim import Optimizer


def adamw(model: nn.Module, rate: float, weight_decay: float) -> list[Optimizer]:
    """AdamW for everything.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """
    return [_adamw(list(model.parameters()), rate, weight_decay)]


def muon(model: nn.Module, rate: float, weight_decay: float) -> list[Optimizer]:
    """Muon for the weights of linear layers without bias, which are those that take spikes; AdamW
    for the rest, or for all of a model that has no such layers. Muon's steps are scaled to the
    size of AdamW's, so that one rate serves both.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the
    scale, Liu et al., "Muon is Scalable for LLM Training", 2025, sec. 2.2.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.bias is None]
    # A parametrised or pruned weight is none of the layer's own parameters; a tied one is of two.
    weights = [layer._parameters.get("weight") for layer in layers]
    matrices = list({id(p): p for p in weights if p is not None}.values())
    taken = {id(p) for p in matrices}
    rest = _adamw([p for p in model.parameters() if id(p) not in taken], rate, weight_decay)
    if not matrices:
        return [rest]
    for_matrices = torch.optim.Muon(
        matrices, lr=rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return [for_matrices, rest]


def _adamw(parameters: list[Parameter], rate: float, weight_decay: float) -> Optimizer:
    # Gains and time constants are no weights: decay would pull them towards silence.
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, fused=True)


OPTIMIZERS: dict[str, Callable[[nn.Module, float, float], list[Optimizer]]] = {
    "adamw": adamw,
    "muon": muon,
}
"""Each from a model, a rate and a weight decay."""
