"""The meter: what an actual run of a model did, layer by layer, decided by the values that flowed.

    with Meter(model) as meter:
        model(frames)
    print(meter.total)

Layers of this package are counted by what came in and out of them (`energy.layers`), everything
else, of whatever library, operator by operator as PyTorch dispatches it: products in functions and
products without weights, such as `q k^T`, included. Other libraries' neurons are recognised.

docs/energy.md defines what is counted.
"""

from collections import Counter, defaultdict
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from neurosvt.energy.dispatched import PRODUCTS, Setting
from neurosvt.energy.elementwise import elementwise
from neurosvt.energy.layers import Account, Call, account_of, rows_of
from neurosvt.energy.operations import Operations
from neurosvt.ops.rows import Rows


class _Frame(NamedTuple):
    """A layer that is running."""

    name: str
    counted: bool
    """Whether what PyTorch does now is counted."""
    silent: bool
    """Whether layers within are none of our business."""


class Meter(TorchDispatchMode):
    """Counts every forward pass of a model within its `with` block.

    Whether gradients are wanted changes nothing; what a backward pass does is not counted.

    Args:
        model: any module; its layers are told apart by name.
        batch_axes: leading axes of its input that number samples, and steps of time.
    """

    layers: dict[str, Operations]
    """By the name of the layer; what a module does outside of its layers stands under its own."""
    unknown: Counter[str]
    """Operators that are in no table, and how often they ran: not counted."""

    def __init__(self, model: nn.Module, batch_axes: int = 1):
        super().__init__()
        self.model, self.batch_axes = model, batch_axes
        self.layers, self.unknown = defaultdict(Operations), Counter()
        self._names: dict[nn.Module, str] = {}
        for name, module in model.named_modules():
            self._names.setdefault(module, name or type(model).__name__)
        self._accounts = {module: account_of(module) for module in self._names}
        self._running: list[_Frame] = []
        self._frames = 1
        self._rows: Rows | None = None
        self._weights: set[int] = set()
        self._derived: dict[int, StorageWeakRef] = {}
        self._undo = ExitStack()

    @property
    def total(self) -> Operations:
        """All layers together."""
        total = Operations()
        for layer in self.layers.values():
            total += layer
        return total

    def take(self) -> Operations:
        """The total so far; counting starts anew. Fed frame by frame, it tells frames apart."""
        total = self.total
        self.layers.clear()
        return total

    def __enter__(self) -> "Meter":
        kept = [*self.model.parameters(), *self.model.buffers()]
        self._weights = {w.untyped_storage().data_ptr() for w in kept if w.numel()}
        self._running.clear()
        for module in self._names:
            before = module.register_forward_pre_hook(self._enter_layer, with_kwargs=True)
            after = module.register_forward_hook(self._leave_layer, with_kwargs=True)
            self._undo.callback(before.remove)
            self._undo.callback(after.remove)
        # Fused attention is one operator, whose products cannot be seen.
        self._undo.enter_context(sdpa_kernel(SDPBackend.MATH))
        self._undo.callback(
            torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled()
        )
        torch.backends.mha.set_fastpath_enabled(False)
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        self._undo.close()

    def _enter_layer(self, module: nn.Module, inputs: Any, options: Any) -> None:
        account = self._accounts[module]
        if not self._running:
            self._frames = self._frames_of(inputs, options)
        silent = bool(self._running) and self._running[-1].silent
        if not silent:
            rows = rows_of(module, inputs)
            self._rows = self._rows if rows is None else rows
        self._running.append(
            _Frame(
                self._names[module],
                counted=account is None and not silent,
                silent=silent or (account is not None and not account.within),
            )
        )

    def _leave_layer(self, module: nn.Module, inputs: Any, options: Any, output: Any) -> None:
        self._running.pop()
        account = self._accounts[module]
        if account is None or (self._running and self._running[-1].silent):
            return
        self._count(module, account, Call(inputs, options, output, self._rows))

    def _count(self, module: nn.Module, account: Account, call: Call) -> None:
        # What counting itself does is dispatched too, and must not be counted.
        self._running.append(_Frame("", counted=False, silent=True))
        done = account.of(module, call)
        self._running.pop()
        if done:
            self.layers[self._names[module]] += done

    def _frames_of(self, inputs: Any, options: Any) -> int:
        first = next((x for x in tree_leaves((inputs, options)) if isinstance(x, Tensor)), None)
        return 1 if first is None else first.shape[: self.batch_axes].numel()

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        output = operator(*args, **(kwargs or {}))
        if not self._running or not self._running[-1].counted:
            return output
        name = operator.overloadpacket.__name__
        inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        outputs = [x for x in tree_leaves(output) if isinstance(x, Tensor)]
        if inputs and all(map(self._is_weight, inputs)):
            # Made of weights alone: done once, before the first frame.
            for made in outputs:
                storage = made.untyped_storage()
                self._derived[storage.data_ptr()] = StorageWeakRef(storage)
            return output
        done: Operations | None
        if name in PRODUCTS:
            done = PRODUCTS[name](args, output, Setting(self._frames, self._is_weight))
        else:
            done = elementwise(name, inputs, outputs)
        if done is None:
            self.unknown[name] += 1
        elif done:
            self.layers[self._running[-1].name] += done
        return output

    def _is_weight(self, x: Tensor) -> bool:
        at = x.untyped_storage().data_ptr()
        derived = self._derived.get(at)
        return at in self._weights or (derived is not None and not derived.expired())
