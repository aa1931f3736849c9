"""What a step of training is given, checked before it is learnt from: one line says what is wrong.

Axes: C classes; *n any axes of answers, usually T time steps and B batch.
"""

from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from neurosvt.config import UserError

NOT_ASKED = -100
"""A label that costs nothing, as PyTorch's cross-entropy has it."""


def checked_model(model: nn.Module) -> nn.Module:
    """A model that can be trained.

    Raises:
        UserError: nothing in it learns, or what learns is float16.
    """
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not learning:
        raise UserError(
            f"{type(model).__name__} has no parameter that learns: requires_grad is False for all"
        )
    for name, p in learning.items():
        if p.dtype == torch.float16:
            raise UserError(
                f"{name} is float16, too coarse for the steps of training; train model.float(), "
                "whose products amp takes in half precision"
            )
    return model


def checked_batch(batch: Any) -> Any:
    """A batch that holds at least one sample.

    Raises:
        UserError: all of its tensors are empty.
    """
    tensors = [leaf for leaf in tree_leaves(batch) if isinstance(leaf, Tensor)]
    if tensors and not any(x.numel() for x in tensors):
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        raise UserError(f"the batch is empty: its tensors are of shape {shapes}")
    return batch


def checked_loss(loss: Any) -> Any:
    """A loss as an objective owes it: a named tuple of single numbers.

    Raises:
        UserError: it is something else, or depends on nothing that learns.
    """
    if not (isinstance(loss, tuple) and hasattr(loss, "_asdict")):
        raise UserError(f"loss must be a named tuple, each part one number; got {_kind(loss)}")
    parts: dict[str, Any] = loss._asdict()
    for name, part in parts.items():
        if not isinstance(part, Tensor) or part.numel() != 1:
            raise UserError(f"loss part {name!r} must be a tensor of one number; got {_kind(part)}")
    if not any(part.requires_grad for part in loss):
        raise UserError(
            f"the loss ({', '.join(parts)}) depends on no parameter that learns: its answer "
            "was detached, or made under no_grad"
        )
    return loss


def checked_labels(
    label: Shaped[Tensor, "..."], logits: Float[Tensor, "*n C"]
) -> Int[Tensor, " *n"]:
    """Labels as cross-entropy takes them, int64: indices of classes, or `NOT_ASKED`.

    Raises:
        UserError: there are none, or they are of another shape, no whole numbers, or no classes.
    """
    shape, classes = tuple(logits.shape[:-1]), logits.shape[-1]
    if tuple(label.shape) != shape:
        raise UserError(f"labels must be of shape {shape}, one an answer; got {tuple(label.shape)}")
    if not label.numel():
        raise UserError(f"the batch is empty: labels are of shape {shape}")
    if label.dtype.is_floating_point or label.dtype.is_complex or label.dtype == torch.bool:
        raise UserError(f"labels must be whole numbers, indices of classes; got {label.dtype}")
    label = label.long()
    wrong = label[((label < 0) | (label >= classes)) & (label != NOT_ASKED)]
    if len(wrong):
        raise UserError(f"labels must lie in [0, {classes}), the classes; got {wrong[0].item()}")
    return label


def _kind(x: Any) -> str:
    if isinstance(x, Tensor):
        return f"a tensor of shape {tuple(x.shape)}"
    return type(x).__name__
