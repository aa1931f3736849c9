"""What PyTorch does, operator by operator, as its dispatcher hands it on in one thread."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from torch import Tensor
from torch._C import DispatchKey
from torch._ops import OpOverload
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _get_current_dispatch_mode,
    _pop_mode,
    _push_mode,
)

from neurosvt.energy.elementwise import VIEWS


class HeardOperator(NamedTuple):
    """What is known of an operator before it is called."""

    name: str
    """In place or not is one; with its namespace unless it is PyTorch's own."""
    view: bool
    """Whether it shows the same numbers otherwise."""
    composite: bool
    """Whether it is written in other operators; under autograd these come in its place."""
    writes: tuple[tuple[int, str], ...]
    """Arguments written in place, by position and by name."""
    outs: tuple[str, ...]
    """Arguments that are written and never read."""


@cache
def operator_of(operator: Any) -> HeardOperator:
    """What is known of an operator, asked once."""
    if not isinstance(operator, OpOverload):  # of higher order: it runs functions
        return HeardOperator(operator.name(), False, False, (), ())
    name = operator.overloadpacket.__name__
    name = name if name.startswith("__") else name.removesuffix("_")
    own = operator.namespace == "aten"
    changed = [
        (at, argument)
        for at, argument in enumerate(operator._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return HeardOperator(
        name if own else f"{operator.namespace}::{name}",
        own and name in VIEWS,
        operator.namespace != "prim"
        and operator.has_kernel_for_dispatch_key(DispatchKey.CompositeImplicitAutograd),
        tuple((at, argument.name) for at, argument in changed),
        tuple(argument.name for _, argument in changed if argument.is_out),
    )


class Heard(NamedTuple):
    """One call of an operator."""

    operator: HeardOperator
    args: tuple[Any, ...]
    options: dict[str, Any]
    output: Any

    @property
    def read(self) -> list[Tensor]:
        """Tensors that went in."""
        outs = self.operator.outs
        return list(tensors((self.args, [x for n, x in self.options.items() if n not in outs])))

    @property
    def said(self) -> list[Tensor]:
        """Tensors that came out."""
        return list(tensors((self.output,)))

    @property
    def written(self) -> list[Tensor]:
        """Tensors written in place."""
        args, options = self.args, self.options
        at = self.operator.writes
        changed = [args[i] if i < len(args) else options.get(name) for i, name in at]
        if "batch_norm" in self.operator.name and len(args) > 5 and args[5] is True:
            changed += args[3:5]  # running statistics in training, of which its schema says nothing
        return list(tensors(changed))


class Ear(TorchDispatchMode):
    """Hands on whatever PyTorch does, while it listens."""

    supports_higher_order_operators = True

    def __init__(self, hear: Callable[[Heard], None]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.hear = hear
        self._on = self._listens = False

    def listen(self, wanted: bool) -> None:
        """Hear what PyTorch does, or not: what need not be heard costs nothing.

        Where other modes were entered since, the ear stays below them and hears without telling.
        """
        if wanted and not self._on:
            self.__enter__()  # type: ignore[no-untyped-call]
            self._on = True
        elif self._on and not wanted and _get_current_dispatch_mode() is self:
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._on = False
        self._listens = wanted

    def close(self) -> None:
        """Hear no more, whatever modes were entered since."""
        above: list[Any] = []
        while self._on and _get_current_dispatch_mode() not in (self, None):
            above.append(_pop_mode())
        self.listen(False)
        self._on = False
        for mode in reversed(above):
            _push_mode(mode)

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        options, known = kwargs or {}, operator_of(operator)
        if not self._listens:
            return operator(*args, **options)
        if known.composite:  # comes whole where there is no autograd, as in inference mode
            with self:
                return operator.decompose(*args, **options)
        output = operator(*args, **options)
        self.hear(Heard(known, args, options, output))
        return output


def tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """All tensors in arguments or results, those in lists and dictionaries included."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)
        elif isinstance(value, dict):
            yield from tensors(value.values())
