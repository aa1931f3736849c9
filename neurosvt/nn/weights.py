"""Weights from somewhere else into a module, and where a module's are."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from neurosvt.config import UserError


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a model, in the model's own precision; those that an older version wrote are
    brought up to date by the parts that say how (`migrate_weights(weights, prefix)`).

    Raises:
        UserError: as `check_fit`; none is taken then.
    """
    weights = dict(weights)
    for name, part in model.named_modules():
        if migrate := getattr(part, "migrate_weights", None):
            migrate(weights, f"{name}." if name else "")
    check_fit(model, weights, source)
    own = model.state_dict()
    model.load_state_dict({n: t.to(own[n].dtype) for n, t in weights.items()})


def check_fit(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Raise a UserError if names are missing or unknown, shapes differ, or numbers are not finite;
    it names each."""
    own = model.state_dict()
    faults = [f"lacks {n!r}" for n in sorted(own.keys() - weights.keys())]
    faults += [f"has unknown {n!r}" for n in sorted(weights.keys() - own.keys())]
    faults += [
        f"{n!r} is {tuple(weights[n].shape)}, the model wants {tuple(own[n].shape)}"
        for n in sorted(own.keys() & weights.keys())
        if own[n].shape != weights[n].shape
    ]
    faults += [
        f"{n!r} holds numbers that are not finite"
        for n in sorted(own.keys() & weights.keys())
        if own[n].is_floating_point() and not weights[n].isfinite().all()
    ]
    if faults:
        raise UserError(f"{source} does not fit: {'; '.join(faults)}")


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights are; a model without any is on the CPU."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))
