"""What all sessions of an engine share, and what never changes."""

from typing import Any

from torch import nn

from neurosvt.config import UserError
from neurosvt.engine.counts import CountedModel
from neurosvt.engine.library import engine_library
from neurosvt.engine.plan import Plan, layer_names, refuse_unknown
from neurosvt.engine.weights import PRECISIONS
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import positive
from neurosvt.nn.plain_copy import plain_copy
from neurosvt.nn.weights import device_of


class Core:
    """A model laid out for the engine.

    Args:
        model: is copied, as it is now.
        weights: "int16": the model on its grid, with the same spikes and charge to the bit. "int8":
            smaller and less exact. "float32": the model as it is; sums are added up in another
            order, so that a membrane within 1e-5 of its threshold may decide otherwise.
        frame_ms: length of a step; None for that of the model's config.
        backend: "native", the C++; "torch", the model itself; "auto" takes the first that can.

    Raises:
        UserError: a precision or a backend that there is none of, or a model that the C++ does not
            know or that cannot be put on the grid.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        weights: str = "int16",
        frame_ms: float | None = None,
        backend: str = "auto",
    ):
        if not isinstance(model, NeuroSVT):
            raise UserError(f"the engine runs a NeuroSVT, got a {type(model).__name__}")
        if weights not in PRECISIONS:
            raise UserError(f"weights must be one of {', '.join(PRECISIONS)}, got {weights!r}")
        if backend not in ("auto", "native", "torch"):
            raise UserError(f"backend must be auto, native or torch, got {backend!r}")
        copy = plain_copy(model) if weights == "float32" else model.on_grid()
        self.model = copy.eval().requires_grad_(False)
        self.weights = weights
        self.sensor = model.config.sensor
        """Width and height that events are of, pixels."""
        self.classes = model.num_classes
        self.frame_ms = model.config.frame_ms
        if frame_ms is not None:
            self.frame_ms = float(positive("frame_ms", frame_ms))
        device = device_of(model)
        wanted = backend != "torch" and device.type == "cpu" and self._known(backend)
        self.doors = engine_library() if wanted else None
        if self.doors is None and (backend == "native" or weights == "int8"):
            why = (
                "was not built on this machine" if device.type == "cpu" else f"is not for {device}"
            )
            raise UserError(f"the engine's C++ {why}; use backend='torch'")
        if self.doors is not None:
            rate = self.frame_ms / model.config.frame_ms
            self.plan = Plan(self.model, weights, rate)
            self.account = CountedModel.of(self.model, layer_names(self.model))

    def _known(self, backend: str) -> bool:
        """Whether the C++ knows all parts of the model; raises where it has to."""
        try:
            refuse_unknown(self.model)
        except UserError:
            if backend == "native":
                raise
            return False
        return True

    @property
    def backend(self) -> str:
        """What computes: "native" or "torch"."""
        return "torch" if self.doors is None else "native"

    def check(self, state: Any) -> None:
        """Raise a ValueError if this is no state of one sample of this model."""
        like = self.model.membranes_like()
        self.model.state_shape().check(state, 1, like, self.model.memory.start(1, like))
