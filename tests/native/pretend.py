"""Tensors that are taken for tensors on a GPU, to see that nothing leaves it; without a GPU.

What is made of such a tensor is one too. What is made out of nothing is on the CPU, unless it is
made for a tensor's device; what autograd hands over is not known, and goes with both.
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

READS = {"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "numpy"}
"""What hands numbers of a tensor to Python: a GPU would be waited for."""
MAKERS = {
    "zeros", "ones", "full", "empty", "rand", "randn", "arange", "linspace", "eye", "tensor",
    "as_tensor", "from_numpy", "frombuffer", "randint", "logspace",
}  # fmt: skip


class OnPretendedGpu(TorchFunctionMode):
    """While this lasts, the tensors given and what comes of them are on a GPU.

    `reads` counts what was read of them, by the function and the shape.

    Raises:
        AssertionError: one goes to the CPU, or meets one that is there.
    """

    def __init__(self, *given: Tensor):
        super().__init__()
        self.there = WeakIdKeyDictionary()
        self.reads: Counter[tuple[str, tuple[int, ...]]] = Counter()
        for x in given:
            self.there[x] = True

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        kwargs = kwargs or {}
        name = (resolve_name(function) or getattr(function, "__name__", "")).rpartition(".")[2]
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        on_gpu = [x for x in given if self.there.get(x)]
        if on_gpu:
            assert name != "cpu", "a tensor goes to the CPU"
            told = [*args, *kwargs.values()]
            # By name; the device of another tensor is here that of the CPU as well.
            assert not (name == "to" and "cpu" in [x for x in told if isinstance(x, str)]), (
                "a tensor goes to the CPU"
            )
            if name in READS:
                self.reads[name, tuple(on_gpu[0].shape)] += 1
            away = [x for x in given if self.there.get(x) is False and x.ndim]
            assert not away, f"{name}: {[tuple(x.shape) for x in away]} on the CPU meets a GPU's"
        out = function(*args, **kwargs)
        made = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        if name in MAKERS and not on_gpu:
            beside = isinstance(kwargs.get("device"), torch.device)  # that of another tensor
            for x in made:
                self.there[x] = beside
        elif on_gpu:
            for x in made:
                self.there[x] = True
        return out
