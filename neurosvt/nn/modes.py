"""Training and eval mode of every module of a model: what is frozen, and what is given back."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_eval_mode(models: Iterable[nn.Module]) -> Iterator[None]:
    """Models in eval mode; afterwards each of their modules is in the mode in which it was."""
    models = list(models)
    before = {module: module.training for model in models for module in model.modules()}
    for model in models:
        model.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


def frozen_modules(model: nn.Module) -> list[nn.Module]:
    """The modules that are not to learn, running statistics included: those in eval mode, and those
    that have parameters of which none requires a gradient.

    A model that is in eval mode as a whole, as a loaded one is, says nothing by that; neither does
    the mode of what merely wraps others.
    """
    loaded = not any(m.training for m in model.modules() if m._parameters or m._buffers)
    frozen = [m for m in model.modules() if not (loaded or m.training)]
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            frozen += module.modules()
    return list(dict.fromkeys(frozen))


def train_except(model: nn.Module, frozen: Iterable[nn.Module]) -> None:
    """The model in training mode, but for modules that are not to learn."""
    model.train()
    for module in frozen:
        module.training = False
