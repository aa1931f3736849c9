"""Where a step came to numbers that are not finite."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def layers_not_finite(model: nn.Module) -> list[str]:
    """The layers with a gradient that is NaN or infinite, in the order of the forward pass.

    What is wrong in one spreads to all before it, so the last is where it came from.
    """
    bad = [
        name.rsplit(".", 1)[0]
        for name, p in model.named_parameters()
        if p.grad is not None and not p.grad.isfinite().all()
    ]
    return list(dict.fromkeys(bad))


@torch.no_grad()
def first_not_finite(model: nn.Module, answer: Callable[[], Any]) -> str:
    """The first layer whose output is NaN or infinite while it gives an answer; "" if there is
    none."""
    found: list[str] = []

    def look(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not output.isfinite().all():
                found.append(name)

        return hook

    hooks = [m.register_forward_hook(look(name)) for name, m in model.named_modules() if name]
    try:
        answer()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else ""
