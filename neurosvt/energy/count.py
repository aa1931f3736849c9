"""The meter: what an actual run of a model did, layer by layer, decided by the values that flowed.

    with Meter(model) as meter:
        model(frames)
    print(meter.total)

Layers of this package are counted by what came in and out of them (`energy.layers`), everything
else, of whatever library, operator by operator as PyTorch dispatches it: products in functions and
products without weights, such as `q k^T`, included. Other libraries' neurons are recognised.

docs/concepts/energy_accounting.md defines what is counted.
"""

import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import takewhile
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from neurosvt.config import UserError
from neurosvt.energy.callers import keeps_rows, running_methods
from neurosvt.energy.dispatched import PRODUCTS, Setting
from neurosvt.energy.ear import Ear, Heard, tensors
from neurosvt.energy.elementwise import FREE, elementwise
from neurosvt.energy.held import Held, strangeness
from neurosvt.energy.layers import Call, Framed, bound, rows_told
from neurosvt.energy.operations import Operations
from neurosvt.energy.parts import Part, Running, parts_of
from neurosvt.energy.products import ONE_FRAME, Frames


class Meter:
    """Counts what a model does within its `with` block, however it is called.

    That is what its modules do when they are called and what their methods do; what reads its
    weights or buffers in any function; and what goes on with the result of that, or of a part that
    was called by itself. Not what another model, a loss, an optimizer or a backward pass does.

    Compiled functions run uncompiled within the block. Whether gradients are wanted changes
    nothing.

    Args:
        model: any module; its layers are told apart by name.
        batch_axes: leading axes of its input that number samples, and steps of time.
    """

    layers: dict[str, Operations]
    """By the name of the layer; what a module does outside of its layers stands under its own."""
    unknown: Counter[str]
    """What was not counted, by name, and how often it ran: operators that are in no table, tensors
    that are no plain numbers, calls that cannot be listened to."""

    def __init__(self, model: nn.Module, batch_axes: int = 1):
        self.model, self.batch_axes = model, batch_axes
        self.layers, self.unknown = defaultdict(Operations), Counter()
        self._parts = dict(parts_of(model, type(model).__name__))
        self._running: list[Running] = []
        self._frames = ONE_FRAME
        self._known: tuple[Framed | None, Frames] = None, ONE_FRAME
        self._held, self._made = Held(), Held()
        self._buffers: dict[int, Tensor] = {}
        self._undo = ExitStack()
        self._ear = Ear(self._hear)
        self._opened: FrameType | None = None
        self._method: FrameType | None = None
        self._thread = 0

    @property
    def total(self) -> Operations:
        """All layers together."""
        self._charge_replaced()
        return Operations.summed(self.layers.values())

    def take(self) -> Operations:
        """The total so far; counting starts anew. Fed frame by frame, it tells frames apart."""
        total = self.total
        self.layers.clear()
        return total

    def refuse_unknown(self) -> None:
        """Raise a UserError if anything ran that could not be counted: the total is without it."""
        if self.unknown:
            raise UserError(f"no account of {', '.join(sorted(self.unknown))}")

    def __deepcopy__(self, memo: Any) -> "Meter":
        return self  # hooks go with a copy of the model, which is another one

    def __enter__(self) -> "Meter":
        if self._opened is not None:
            raise RuntimeError("this meter is counting already; a second one counts beside it")
        self._opened, self._thread = sys._getframe(1), threading.get_ident()
        self._held, self._made = Held(), Held()
        buffers = [b for b in self.model.buffers() if strangeness(b) is None]
        self._buffers = {b.untyped_storage().data_ptr(): b for b in buffers}
        self._held.own([*self.model.parameters(), *buffers])
        self._running.clear()
        for module, part in self._parts.items():
            if isinstance(module, torch.jit.ScriptModule):
                self.unknown[f"the compiled script of {part.name}"] += 1
                continue
            before = module.register_forward_pre_hook(self._enter_layer, with_kwargs=True)
            after = module.register_forward_hook(
                self._leave_layer, with_kwargs=True, always_call=True
            )
            self._undo.callback(before.remove)
            self._undo.callback(after.remove)
        # A whole encoder as one operator, whose products cannot be seen.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        self._undo.callback(torch.backends.mha.set_fastpath_enabled, fast)
        if "torch._dynamo" in sys.modules:  # something may be compiled, which nobody could hear
            self._undo.enter_context(torch.compiler.set_stance("force_eager"))
        self._undo.callback(self._ear.close)
        self._ear.listen(True)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._undo.close()
        self._charge_replaced()
        self._opened = self._method = None

    # Modules that are called.

    def _enter_layer(self, module: nn.Module, inputs: Any, options: Any) -> None:
        part = self._parts.get(module)
        if part is None or self._recomputes():
            return  # a copy of the model is another one
        if threading.get_ident() != self._thread:
            self.unknown[f"{part.name} in another thread"] += 1
            return
        # Other tensors may stand for them, as in `torch.func.functional_call`.
        self._held.own(p for p in module._parameters.values() if p is not None)
        rows = rows_told((*inputs, *options.values()))
        if not self._running:
            self._frames = self._frames_in(bound(module, inputs, options))
        around = self._running[-1].of_rows if self._running else None
        of_rows = around if rows is None else self._frames_of(rows)
        self._running.append(Running(module, part, of_rows))
        self._ear.listen(part.account is None)

    def _leave_layer(self, module: nn.Module, inputs: Any, options: Any, output: Any) -> None:
        if threading.get_ident() != self._thread or self._recomputes():
            return
        if not any(running.module is module for running in self._running):
            return  # a hook before ours raised
        while (running := self._running.pop()).module is not module:
            pass  # left by what hooks are not told of, such as an interruption
        if running.part.account is not None and output is not None:  # None where it raised
            quiet = torch._C._DisableTorchDispatch()
            call = Call(*bound(module, inputs, options), output, running.of_rows or ONE_FRAME)
            strange = _strangeness(tensors((call.inputs,))) or _mapped(call.inputs)
            if strange is not None:
                self.unknown[f"{running.part.name} of {strange} tensors"] += 1
            else:
                self._charge(running.part.name, "", running.part.account.of(module, call))
            del quiet
        if not self._running:
            self._charge_replaced()
            if module is not self.model:  # a part by itself, whose result is gone on with
                self._made.make(tensors((output,)), _OURS)
        self._ear.listen(not self._running or self._running[-1].part.account is None)

    def _recomputes(self) -> bool:
        """Whether a backward pass is on its way, and not as a part of the model."""
        return not self._running and torch._C._current_graph_task_id() != -1

    def _frames_in(self, given: Any) -> Frames:
        first = next(tensors((given,)), None)
        return ONE_FRAME if first is None else Frames(first.shape[: self.batch_axes].numel() or 1)

    def _frames_of(self, rows: Framed) -> Frames:
        """In which frame each row lies, counted from 0; layer after layer is told the same rows."""
        if rows is not self._known[0]:
            frames, index = rows.frame.unique(return_inverse=True)
            self._known = rows, Frames(len(frames), index)
        return self._known[1]

    # Operators that are heard.

    def _hear(self, heard: Heard) -> None:
        if heard.operator.view or self._recomputes():
            return
        quiet = torch._C._DisableTorchDispatch()  # noqa: F841
        read, said, written = heard.read, heard.said, heard.written
        if not read and not said:
            return
        part = self._running[-1].part if self._running else self._doer(read, said, written)
        if part is None:  # whoever writes a buffer makes it a state
            self._release(x for x in written if x.untyped_storage().data_ptr() in self._buffers)
            return
        name, strange = heard.operator.name, _strangeness((*read, *said))
        if strange is not None:
            if name not in FREE:
                self.unknown[f"{name} of {strange} tensors"] += 1
            return
        done = self._work(heard, read, said)
        roots = self._held.roots(read) if read else None
        if roots is None:
            if part.account is None:
                self._charge(part.name, name, done)
            elif not part.account.within and (done is None or done):
                self.unknown[f"{name} in a method of {part.name}"] += 1
            self._release(written)
        else:  # done once, before the first frame
            self._held.forgo(roots, part.name, name, done)
            self._held.make(said, roots)
            self._release(x for x in written if self._held.is_weight(x))

    def _work(self, heard: Heard, read: list[Tensor], said: list[Tensor]) -> Operations | None:
        name = heard.operator.name
        product = PRODUCTS.get(name)
        try:
            if product is not None:
                frames = self._running[-1].of_rows if self._running else None
                setting = Setting(frames or self._frames, self._held.holds)
                return product(heard.args, heard.output, setting)
            if _tells_places(name, (*read, *said)):
                return Operations()
            return elementwise(name, heard.args, heard.options, read, said)
        except NotImplementedError:  # of tensors of a kind that nothing can be asked of
            return None

    def _doer(self, read: list[Tensor], said: list[Tensor], written: list[Tensor]) -> Part | None:
        """Whose work is what no running module does; None if not this model's."""
        methods = running_methods(self._opened)
        inner = methods[0].owner if methods else None
        if inner in self._parts:
            own = list(takewhile(lambda method: method.owner in self._parts, methods))[-1]
            if own.frame is not self._method:
                self._method, self._frames = own.frame, self._frames_in(own.arguments)
            return self._parts[inner]
        changes_weights = any(
            self._held.is_weight(x) and x.untyped_storage().data_ptr() not in self._buffers
            for x in written
        )
        goes_on = inner is None and any(map(self._made.holds, read))
        if changes_weights or isinstance(inner, Optimizer):
            return None
        reads = self._held.holds if inner is None else self._held.is_weight
        if not goes_on and not any(map(reads, read)):
            return None
        self._frames = self._frames_in([x for x in read if not self._held.holds(x)])
        self._made.make(said, _OURS)
        return self._parts[self.model]

    def _charge(self, layer: str, operator: str, done: Operations | None, times: int = 1) -> None:
        if done is None:
            self.unknown[operator] += times
        elif done:
            self.layers[layer] += done

    def _charge_replaced(self) -> None:
        """Buffers in whose place others stand were states."""
        if self._held.owed and self._opened is not None:
            now = {b.untyped_storage().data_ptr() for b in self.model.buffers()}
            self._release(b for at, b in self._buffers.items() if at not in now)

    def _release(self, changed: Iterable[Tensor]) -> None:
        """These flow from now on; what was done with them for nothing is charged."""
        for x in changed:
            for bill in self._held.release(x):
                self._charge(bill.layer, bill.operator, bill.done, bill.times)


_OURS = frozenset((0,))


def _tells_places(name: str, given: tuple[Tensor, ...]) -> bool:
    """Whether only indices flow, or masks while rows are kept: where things are, not what."""
    kinds = {x.dtype for x in given}
    if "::" in name or not kinds <= {torch.long, torch.int, torch.bool}:
        return False
    return kinds == {torch.long} or keeps_rows()


def _mapped(given: Any) -> str | None:
    wraps = torch._C._functorch.is_functorch_wrapped_tensor
    return "mapped or differentiated" if any(map(wraps, tensors((given,)))) else None


def _strangeness(given: Iterable[Tensor]) -> str | None:
    return next(filter(None, map(strangeness, given)), None)
