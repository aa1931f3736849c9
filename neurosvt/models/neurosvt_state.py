"""What a sequence leaves behind in a NeuroSVT: explicit, compact, and checked when it comes back.

Axes: B batch, N tokens, D width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from neurosvt.ops.recording import is_recorded


class State(NamedTuple):
    """All that a sequence leaves behind; never written to, so an old one can be come back to.

    `torch.save` writes it, and `torch.load` reads it with `weights_only` too.
    """

    since_patch_event: Int[Tensor, "B N"]
    """Steps since each patch had an event."""
    since_token_event: Int[Tensor, "B N"]
    """Steps since each token fired into the blocks."""
    embed: Float[Tensor, "B N D"]
    blocks: tuple[tuple[Tensor, ...], ...]
    read: Float[Tensor, "B N D"]
    memory: Any
    """As the memory makes it: charge (B, M) of the leaky one."""

    def map(self, change: Callable[[Tensor], Tensor]) -> "State":
        """The state with `change` done to every tensor."""
        return State(*(changed(part, change) for part in self))

    def detached(self) -> "State":
        """The same numbers without their history, to cut backpropagation through time here."""
        return self.map(Tensor.detach)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "State":
        """The same on another device; `dtype` is for the real numbers among them."""
        return self.map(
            lambda t: t.to(device=device, dtype=dtype if t.is_floating_point() else None)
        )


torch.serialization.add_safe_globals([State])  # plain data, which `torch.load` need not distrust


def changed(part: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A tensor, or tuples of tensors however deep, with `change` done to each."""
    if isinstance(part, Tensor):
        return change(part)
    if not isinstance(part, tuple):
        return part
    parts = (changed(inner, change) for inner in part)
    return type(part)(*parts) if hasattr(part, "_fields") else tuple(parts)


def compact(part: Any) -> Any:
    """The same numbers, each tensor with memory of its own and no larger than they need: one step
    of many would keep all of them alive, and be saved with them."""

    def own(t: Tensor) -> Tensor:
        whole = is_recorded() or t.untyped_storage().nbytes() != t.nbytes
        return t.clone() if whole else t

    return changed(part, own)


@dataclass(frozen=True)
class StateShape:
    """How large a model's state is."""

    patches: int
    tokens: int
    width: int
    blocks: tuple[tuple[int, ...], ...]
    """Channels of the membranes of each block."""

    def rested(self, batch: int, like: Float[Tensor, "..."], memory: Any) -> State:
        """The state of `batch` samples that have seen nothing, of the type and place of `like`."""

        def zeros(tokens: int, width: int) -> Tensor:
            return like.new_zeros(batch, tokens, width)

        def ones(tokens: int) -> Tensor:
            return torch.ones(batch, tokens, dtype=torch.long, device=like.device)

        return State(
            since_patch_event=ones(self.patches),
            since_token_event=ones(self.tokens),
            embed=zeros(self.patches, self.width),
            blocks=tuple(tuple(zeros(self.tokens, w) for w in block) for block in self.blocks),
            read=zeros(self.tokens, self.width),
            memory=memory,
        )

    def check(self, state: Any, batch: int, like: Float[Tensor, "..."], memory: Any) -> None:
        """Raise a ValueError if a state is not one of this model for so many samples.

        Args:
            state, batch: what came back, and the frames' samples.
            like: of the type and on the device that membranes have.
            memory: what the memory starts with.
        """
        if not isinstance(state, State):
            raise ValueError(
                f"state must be the State of an earlier call, got {type(state).__name__}"
            )
        if len(state.embed) != batch:
            raise ValueError(
                f"the state is of a batch of {len(state.embed)}, the frames of {batch}"
            )
        for part, width in [(state.since_patch_event, self.patches),
                            (state.since_token_event, self.tokens)]:  # fmt: skip
            _check(part, (batch, width), torch.long, like.device)
        _check(state.embed, (batch, self.patches, self.width), like.dtype, like.device)
        _check(state.read, (batch, self.tokens, self.width), like.dtype, like.device)
        if tuple(map(len, state.blocks)) != tuple(map(len, self.blocks)):
            raise ValueError(
                f"the state is of {len(state.blocks)} blocks, this model has {len(self.blocks)}"
            )
        for block, widths in zip(state.blocks, self.blocks, strict=True):
            for v, width in zip(block, widths, strict=True):
                _check(v, (batch, self.tokens, width), like.dtype, like.device)
        if isinstance(state.memory, Tensor) and isinstance(memory, Tensor):
            # What a memory of one's own has gathered may have grown between its ends.
            shape = (batch, *state.memory.shape[1:-1], memory.shape[-1])
            _check(state.memory, shape, memory.dtype, memory.device)


def _check(part: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> None:
    if part.shape != shape or part.dtype != dtype:
        raise ValueError(
            f"the state holds {_said(part.dtype)} {tuple(part.shape)} where this model keeps "
            f"{_said(dtype)} {shape}; it is of another model or type (see State.to)"
        )
    if part.device != device:
        raise ValueError(f"the state is on {part.device}, the model on {device} (see State.to)")


def _said(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
