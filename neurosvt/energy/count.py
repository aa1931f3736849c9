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
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from neurosvt.config import UserError
from neurosvt.energy.dispatched import PRODUCTS, Setting
from neurosvt.energy.elementwise import VIEWS, elementwise
from neurosvt.energy.layers import Account, Call, Framed, account_of, rows_told
from neurosvt.energy.operations import Operations
from neurosvt.energy.products import ONE_FRAME, Frames
from neurosvt.nn.norm import FixedScale, ScaleNorm


class Meter:
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
        self.model, self.batch_axes = model, batch_axes
        self.layers, self.unknown = defaultdict(Operations), Counter()
        self._parts = dict(_parts(model, type(model).__name__))
        self._running: list[_Running] = []
        self._frames = ONE_FRAME
        self._known: tuple[Framed | None, Frames] = None, ONE_FRAME
        self._weights = _Weights()
        self._undo = ExitStack()
        self._ear: TorchDispatchMode = _Ear(self._hear)
        self._hears = False

    @property
    def total(self) -> Operations:
        """All layers together."""
        return Operations.summed(self.layers.values())

    def take(self) -> Operations:
        """The total so far; counting starts anew. Fed frame by frame, it tells frames apart."""
        total = self.total
        self.layers.clear()
        return total

    def refuse_unknown(self) -> None:
        """Raise a UserError if operators ran that are in no table: the total is without them."""
        if self.unknown:
            raise UserError(f"no account of {', '.join(sorted(self.unknown))}")

    def __enter__(self) -> "Meter":
        self._weights = _Weights([*self.model.parameters(), *self.model.buffers()])
        self._running.clear()
        for module in self._parts:
            before = module.register_forward_pre_hook(self._enter_layer, with_kwargs=True)
            after = module.register_forward_hook(self._leave_layer, with_kwargs=True)
            self._undo.callback(before.remove)
            self._undo.callback(after.remove)
        # A whole encoder as one operator, whose products cannot be seen.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        self._undo.callback(torch.backends.mha.set_fastpath_enabled, fast)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._listen(False)
        self._undo.close()

    def _listen(self, wanted: bool) -> None:
        """Hear what PyTorch does, or not: what need not be heard costs nothing."""
        if wanted and not self._hears:
            self._ear.__enter__()
        elif self._hears and not wanted:
            self._ear.__exit__(None, None, None)
        self._hears = wanted

    def _enter_layer(self, module: nn.Module, inputs: Any, options: Any) -> None:
        if not self._running:
            first = next(_tensors((inputs, options.values())), None)
            if first is not None:
                self._frames = Frames(first.shape[: self.batch_axes].numel())
        rows = rows_told(inputs)
        around = self._running[-1].of_rows if self._running else None
        part = self._parts[module]
        self._running.append(_Running(part, around if rows is None else self._frames_of(rows)))
        self._listen(part.account is None)

    def _leave_layer(self, module: nn.Module, inputs: Any, options: Any, output: Any) -> None:
        part, of_rows = self._running.pop()
        if part.account is not None:
            self._listen(False)
            done = part.account.of(module, Call(inputs, options, output, of_rows or ONE_FRAME))
            if done:
                self.layers[part.name] += done
        self._listen(bool(self._running) and self._running[-1].part.account is None)

    def _frames_of(self, rows: Framed) -> Frames:
        """In which frame each row lies, counted from 0; layer after layer is told the same rows."""
        if rows is not self._known[0]:
            frames, index = rows.frame.unique(return_inverse=True)
            self._known = rows, Frames(len(frames), index)
        return self._known[1]

    def _hear(self, operator: Any, args: Any, kwargs: Any, output: Any) -> None:
        name = operator.overloadpacket.__name__
        if name in VIEWS:
            return
        inputs, outputs = list(_tensors((args, kwargs.values()))), list(_tensors((output,)))
        if name not in PRODUCTS and not any(x.is_floating_point() for x in (*inputs, *outputs)):
            return  # where things are, not what they are
        if inputs and all(map(self._weights.hold, inputs)):
            self._weights.add(outputs)  # done once, before the first frame
            return
        done: Operations | None
        if name in PRODUCTS:
            frames = self._running[-1].of_rows or self._frames
            done = PRODUCTS[name](args, output, Setting(frames, self._weights.hold))
        else:
            done = elementwise(name, inputs, outputs)
        if done is None:
            self.unknown[name] += 1
        elif done:
            self.layers[self._running[-1].part.name] += done


class _Part(NamedTuple):
    """A layer that counts for itself."""

    name: str
    account: Account | None
    """None for operator by operator."""


class _Running(NamedTuple):
    """A layer on its way."""

    part: _Part
    of_rows: Frames | None
    """Of the rows that it, or one around it, is told about."""


def _parts(module: nn.Module, name: str, path: str = "") -> Iterator[tuple[nn.Module, _Part]]:
    """The layers to be heard: what lies within those that are counted as a whole is not."""
    account = account_of(module)
    yield module, _Part(path or name, account)
    if account is None or account.within:
        for child, inner in module.named_children():
            if account is not None and isinstance(inner, ScaleNorm | FixedScale):
                continue  # counted by the neurons that it is handed to
            yield from _parts(inner, name, f"{path}.{child}" if path else child)


class _Ear(TorchDispatchMode):
    """Hands on whatever PyTorch does."""

    def __init__(self, hear: Callable[[Any, Any, Any, Any], None]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.hear = hear

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        output = operator(*args, **(kwargs or {}))
        self.hear(operator, args, kwargs or {}, output)
        return output


class _Weights:
    """Which tensors are a model's weights, or made of nothing but these."""

    def __init__(self, weights: Iterable[Tensor] = ()):
        self._own = {w.untyped_storage().data_ptr() for w in weights if w.numel()}
        self._made: dict[int, StorageWeakRef] = {}

    def hold(self, x: Tensor) -> bool:
        at = x.untyped_storage().data_ptr()
        made = self._made.get(at)
        return at in self._own or (made is not None and not made.expired())

    def add(self, made: Iterable[Tensor]) -> None:
        for x in made:
            storage = x.untyped_storage()
            self._made[storage.data_ptr()] = StorageWeakRef(storage)


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """All tensors in arguments or results, those in lists included."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
