"""Kernels as operators of PyTorch, `torch.ops.neurosvt.*`: typed, differentiable, and known to its
compilers, tracers and transforms.

`Operator` is the only way to a kernel. `WrittenOut` is the part of it that needs no kernel: a
function whose backward pass is written out, and whose second derivatives are those of its
definition.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

LIBRARY = torch.library.Library("neurosvt", "FRAGMENT")

Backward = Callable[[Sequence[Any], Sequence[Tensor], Sequence[Tensor]], Sequence[Tensor | None]]
"""(inputs, kept outputs, gradients of all outputs) to a gradient, or None, for every input."""


def wants_gradient(*values: Any) -> bool:
    """Whether anything that is made of these values now will be differentiated."""
    if torch.compiler.is_compiling():
        return torch.is_grad_enabled()
    if _transformed():
        return True
    return torch.is_grad_enabled() and any(
        isinstance(x, Tensor) and x.requires_grad for x in values
    )


def _transformed() -> bool:
    """Whether a transform of functions (torch.func, forward-mode gradients) is under way, in which
    tensors do not tell of themselves what is wanted of them."""
    return (
        forward_ad._current_level >= 0 or torch._C._functorch.peek_interpreter_stack() is not None
    )


class WrittenOut:
    """A function with a backward pass of its own; differentiated twice, it is its definition.

    Args:
        name: what errors call it.
        forward: from inputs to results.
        backward: see `Backward`; called where gradients need not be differentiated again.
        definition: the differentiable outputs, in their order, by autograd.
        constants: outputs that carry no gradient, by their number.
        keeps: outputs that the backward pass is given, by their number.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *,
        backward: Backward,
        definition: Callable[..., Any],
        constants: Sequence[int] = (),
        keeps: Sequence[int] = (),
    ):
        self.name, self.backward, self.definition = name, backward, definition
        self.constants, self.keeps = tuple(constants), tuple(keeps)

        def at_once(ctx: Any, *inputs: Any) -> Any:
            output = forward(*inputs)
            self.setup(ctx, inputs, output)
            return output

        # Transforms of functions want both halves apart, which costs others several times as much.
        halves: dict[str, Callable[..., Any]] = {
            "forward": lambda *inputs: forward(*inputs),
            "setup_context": self.setup,
            "vmap": self._one_by_one,
        }
        self.apply: Any = self._autograd({"forward": at_once}).apply
        """The function where no transform is under way."""
        self._transformable = self._autograd(halves)

    def _autograd(self, methods: dict[str, Callable[..., Any]]) -> Any:
        methods = {name: staticmethod(f) for name, f in methods.items()}
        methods["backward"] = staticmethod(self.differentiate)
        return type(self.name, (torch.autograd.Function,), methods)

    def __call__(self, *inputs: Any) -> Any:
        transformed = not torch.compiler.is_compiling() and _transformed()
        return (self._transformable.apply if transformed else self.apply)(*inputs)

    def _one_by_one(self, info: Any, axes: tuple[Any, ...], *inputs: Any) -> Any:
        """`torch.vmap`: a kernel takes one sample of it after the other."""
        each = [
            self(
                *(
                    x.select(at, i) if isinstance(at, int) else x
                    for x, at in zip(inputs, axes, strict=True)
                )
            )
            for i in range(info.batch_size)
        ]
        if isinstance(each[0], tuple):
            return tuple(map(torch.stack, zip(*each, strict=True))), (0,) * len(each[0])
        return torch.stack(each), 0

    def setup(self, ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep for the backward pass what it needs."""
        saved: list[Tensor] = []
        rest: list[tuple[Any] | None] = []
        for x in inputs:
            if isinstance(x, Tensor):
                saved.append(x)
                rest.append(None)
            else:
                rest.append((x,))
        ctx.inputs = rest
        if self.keeps or self.constants:
            outputs = output if isinstance(output, tuple) else (output,)
            saved += [outputs[i] for i in self.keeps]
            ctx.mark_non_differentiable(*[outputs[i] for i in self.constants])
        ctx.save_for_backward(*saved)

    def differentiate(self, ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of all inputs; by the definition where they will be differentiated again."""
        saved = iter(ctx.saved_tensors)
        inputs = [next(saved) if kept is None else kept[0] for kept in ctx.inputs]
        if torch.is_grad_enabled():
            return self._by_definition(inputs, grads, ctx.needs_input_grad)
        found = self.backward(inputs, list(saved), grads)
        return tuple(
            g if needed else None for g, needed in zip(found, ctx.needs_input_grad, strict=True)
        )

    def _by_definition(
        self, inputs: Sequence[Any], grads: Sequence[Tensor], needed: Sequence[bool]
    ) -> tuple[Tensor | None, ...]:
        # Views, so that what one input owes to another is not counted here: autograd does that.
        own = [x.view_as(x) if n else x for x, n in zip(inputs, needed, strict=True)]
        outputs = self.definition(*own)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        carrying = [i for i in range(len(grads)) if i not in self.constants]
        pairs = [
            (out, grads[i]) for i, out in zip(carrying, outputs, strict=True) if out.requires_grad
        ]
        wanted = [x for x, n in zip(own, needed, strict=True) if n]
        found = iter(
            torch.autograd.grad(
                [out for out, _ in pairs], wanted, [g for _, g in pairs],
                create_graph=True, allow_unused=True,
            )
        )  # fmt: skip
        return tuple(next(found) if n else None for n in needed)


class Operator:
    """An operator of PyTorch around a kernel.

    Called with tensors in memory it goes to the kernel at once; under compilers, tracers and
    dispatch modes it goes as `torch.ops.neurosvt.NAME`, which they see.

    Args:
        schema: as `torch.library` has it, without the namespace.
        kernel: from inputs to results, where they are; makes of every input what its kernel
            declares.
        fake: results without values, for inputs without values.
        backward, definition, constants, keeps: as of `WrittenOut`; None for what has no gradient.
    """

    def __init__(
        self,
        schema: str,
        kernel: Callable[..., Any],
        fake: Callable[..., Any],
        *,
        backward: Backward | None = None,
        definition: Callable[..., Any] | None = None,
        constants: Sequence[int] = (),
        keeps: Sequence[int] = (),
    ):
        self.name = schema.partition("(")[0]
        self.kernel = kernel
        if backward is None or definition is None:
            backward = definition = self._refuse
        self.written = WrittenOut(
            self.name, kernel, backward=backward, definition=definition, constants=constants,
            keeps=keeps,
        )  # fmt: skip
        LIBRARY.define(schema)
        for place in ("CPU", "CUDA"):
            LIBRARY.impl(self.name, kernel, place)
        path = f"neurosvt::{self.name}"
        torch.library.register_fake(path, fake, lib=LIBRARY)
        if "!" not in schema:
            torch.library.register_autograd(
                path, self.written.differentiate, setup_context=self.written.setup, lib=LIBRARY
            )
        self.packet: Any = getattr(torch.ops.neurosvt, self.name).default
        self.tensors = [
            at for at, x in enumerate(self.packet._schema.arguments) if "Tensor" in str(x.type)
        ]

    def __call__(self, *inputs: Any) -> Any:
        if torch.compiler.is_compiling():
            return self.packet(*inputs)
        if _transformed():
            return self.written(*inputs)
        if torch._C._len_torch_dispatch_stack() or torch._C._get_tracing_state() is not None:
            return self.packet(*inputs)  # somebody listens to what is done
        differentiated, enabled = False, torch.is_grad_enabled()
        for at in self.tensors:
            x = inputs[at]
            if x is None:
                continue
            if type(x) not in (Tensor, Parameter) or x.layout is not torch.strided or x.is_neg():
                return self.packet(*inputs)
            differentiated = differentiated or (enabled and x.requires_grad)
        return (self.written.apply if differentiated else self.kernel)(*inputs)

    def _refuse(self, *inputs: Any) -> Any:
        raise RuntimeError(
            f"neurosvt::{self.name} has no gradient; backend='reference' is differentiable as "
            "often as is wanted"
        )


def ready(x: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """As a kernel takes it: of that type, contiguous."""
    return x if x.dtype is dtype and x.is_contiguous() else x.to(dtype).contiguous()
