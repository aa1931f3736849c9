"""`--to onnx`: DySViT, and one step of a NeuroSVT with its state among inputs and outputs.

PyTorch's exporter does it, which writes with onnxscript.

Axes: B batch, Y X pixels, N tokens, D width, M memory channels, C classes, P kinds of `Presence`.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.config import UserError
from neurosvt.export.dysvit_split import dysvit_on_grid
from neurosvt.files import write_whole
from neurosvt.models.dysvit import DySViT
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_dense import NeuroSVTDense
from neurosvt.nn.heads import Belief

OPSET = 18
"""Version of ONNX's operators."""


class NeuroSVTStep(nn.Module):
    """One frame and the state in; the belief and the next state out, each a tensor by name.

    Args:
        model: a NeuroSVT with the leaky memory and LIF neurons.

    Raises:
        UserError: another memory or other neurons.
    """

    def __init__(self, model: NeuroSVT):
        super().__init__()
        self.dense = NeuroSVTDense(model if model.folded else model.deployed())
        self.sizes = [len(block) for block in model.state_shape().blocks]
        blocks = [f"block_{i}_{j}" for i, size in enumerate(self.sizes) for j in range(size)]
        self.state_names = ["embed", *blocks, "read", "memory"]

    def start(self, batch: int) -> tuple[Tensor, ...]:
        """The state of samples that have seen nothing, in the order of `state_names`."""
        embed, blocks, read, memory = self.dense.start(batch)
        # Tensors of their own: the exporter takes one that comes twice for a single input.
        return (embed, *(v for block in blocks for v in block), read.clone(), memory)

    def forward(self, frame: Float[Tensor, "B 2 Y X"], *state: Tensor) -> tuple[Tensor, ...]:
        """Class logits (B, C), position (B, 2), presence logits (B, P), and the next state."""
        embed, *inner, read, memory = state
        blocks, start = [], 0
        for size in self.sizes:
            blocks.append(tuple(inner[start : start + size]))
            start += size
        belief, left = self.dense(frame[None], (embed, tuple(blocks), read, memory))
        embed, left_blocks, read, memory = left
        return (
            *(part[0] for part in belief),
            embed, *(v for block in left_blocks for v in block), read, memory,
        )  # fmt: skip


def export_onnx(model: Any, folder: Path) -> list[Path]:
    """Write `model.onnx`, with a batch axis of any size; the file that was written.

    A NeuroSVT's state is among the inputs, zeros at the start; each output `next_NAME` is the input
    NAME of the next step.

    Raises:
        UserError: onnxscript is not installed, or a model that has no such form.
    """
    if find_spec("onnxscript") is None:
        raise UserError("ONNX needs the package onnxscript: pip install 'neurosvt[export]'")
    path = folder / "model.onnx"
    if isinstance(model, DySViT):
        side = model.config.image_size
        plain: nn.Module = dysvit_on_grid(model)
        program = _exported(plain, (torch.zeros(2, 3, side, side),), ["images"], ["scores"])
    elif isinstance(model, NeuroSVT):
        step, sensor = NeuroSVTStep(model).eval(), model.config.sensor
        names = step.state_names
        given = (torch.zeros(2, 2, sensor.height, sensor.width), *step.start(2))
        program = _exported(
            step, given, ["frame", *names], [*Belief._fields, *(f"next_{name}" for name in names)]
        )
    else:
        raise UserError(f"a {type(model).__name__} cannot be exported; NeuroSVT and DySViT can")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, program.model_proto.SerializeToString())
    return [path]


def _exported(
    model: nn.Module, given: tuple[Tensor, ...], inputs: list[str], outputs: list[str]
) -> Any:
    """PyTorch's program of a model, of which the first axis of every input is free."""
    batch = torch.export.Dim("batch")
    # A module that takes any number of tensors names them as one.
    free: Any = [{0: batch} for _ in given]
    shapes = (free[0], tuple(free[1:])) if len(given) > 1 else (free[0],)
    with _quiet(), torch.no_grad():
        return torch.onnx.export(
            model, given, dynamo=True, verbose=False, opset_version=OPSET, input_names=inputs,
            output_names=outputs, dynamic_shapes=shapes,
        )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about itself."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
