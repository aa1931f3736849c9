"""Training: `fit` is the loop; `Training` is all that it changes, and what a checkpoint holds.

What a model is asked, and what an answer costs, is an `Objective`'s to say.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from neurosvt.config import UserError
from neurosvt.nn.modes import frozen_modules, train_except
from neurosvt.nn.weights import device_of, load_weights
from neurosvt.ops.across import processes, rank, shared_batch
from neurosvt.ops.precision import Amp, half_type, products_in
from neurosvt.training import checkpoint
from neurosvt.training.checks import checked_batch, checked_loss, checked_model
from neurosvt.training.finite import first_not_finite, layers_not_finite
from neurosvt.training.generators import generator_states, restore_generators, take_states
from neurosvt.training.optimizers import OPTIMIZERS
from neurosvt.training.passes import add_across, shares_of, timed_groups, weighted
from neurosvt.training.scaling import GradientScale
from neurosvt.training.schedule import warmup_cosine

MOST_LEFT_OUT = 10
"""Steps in a row without a finite gradient, after which a training stops in any case."""


@runtime_checkable
class Settings(Protocol):
    """What `fit` wants to know of a training's settings; the fields of `TrainConfig`."""

    @property
    def steps(self) -> int:
        """Of the whole training."""

    @property
    def optimizer(self) -> str:
        """A key of `training.optimizers.OPTIMIZERS`."""

    @property
    def rate(self) -> float:
        """Peak learning rate."""

    @property
    def warmup(self) -> float:
        """Share of the steps in which the rate rises."""

    @property
    def weight_decay(self) -> float:
        """Share of every weight, times the rate, that a step takes away."""

    @property
    def clip(self) -> float:
        """Largest gradient norm."""

    @property
    def accumulate(self) -> int:
        """Batches that a step is made of."""

    @property
    def amp(self) -> Amp:
        """Whether matrix products are in half precision."""

    @property
    def seed(self) -> int:
        """Of the weights and the batches."""


@runtime_checkable
class Objective(Protocol):
    """What a model learns to do."""

    def answer(self, model: nn.Module, batch: Any) -> Any:
        """What the model says to a batch; in half precision, if that is asked for."""

    def loss(self, answer: Any, batch: Any) -> Any:
        """What the answer costs, in full precision: a named tuple, whose sum is learnt."""


@dataclass
class Training:
    """A model on its way: everything that decides how it goes on."""

    model: nn.Module
    config: Settings
    optimizers: list[torch.optim.Optimizer] = field(init=False)
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    """What each validation found; its last entries are the newest."""
    scale: GradientScale = field(init=False)
    """Of the gradients, where products are float16."""

    def __post_init__(self) -> None:
        cfg = self.config
        self.optimizers = OPTIMIZERS[cfg.optimizer](self.model, cfg.rate, cfg.weight_decay)
        half = half_type(cfg.amp, device_of(self.model))
        self.scale = GradientScale(GradientScale.FIRST if half is torch.float16 else 1.0)

    def save(self, path: Path, metadata: dict[str, Any]) -> None:
        """Write all of it, and `metadata`, so that `restore` goes on to the bit.

        Of several processes all have to call it; the first writes.
        """
        tensors = {f"model.{n}": t for n, t in self.model.state_dict().items()}
        optimizer = checkpoint.optimizer_tensors(self.optimizers)
        tensors |= {f"optimizer.{n}": t for n, t in optimizer.items()}
        tensors |= generator_states(device_of(self.model))
        if rank():
            return
        facts = {"step": self.step, "history": self.history, "gradient_scale": asdict(self.scale)}
        checkpoint.write_tensors(path, tensors, {**metadata, **facts})

    def restore(self, path: Path) -> None:
        """Go back to where `save` was called.

        Raises:
            FileNotFoundError, UserError: as `checkpoint.read_tensors`, `check_optimizers` and
                `load_weights`; nothing has changed then.
        """
        tensors, metadata = checkpoint.read_tensors(path)
        generators = take_states(tensors)
        if not generators:
            raise UserError(f"{path} holds weights only; training resumes from last.safetensors")
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            if part not in parts:
                raise UserError(f"{path} does not fit: it has unknown {name!r}")
            parts[part][rest] = tensor
        step, history = metadata.get("step"), metadata.get("history")
        if not isinstance(step, int) or step < 0 or not isinstance(history, list):
            raise UserError(f"{path} does not say after how many steps it was written")
        if step:  # before the first, optimisers hold nothing
            checkpoint.check_optimizers(self.optimizers, parts["optimizer"], str(path))
        load_weights(self.model, parts["model"], str(path))
        checkpoint.restore_optimizers(self.optimizers, parts["optimizer"])
        self.step, self.history = step, history
        self.scale = GradientScale(**metadata.get("gradient_scale", asdict(self.scale)))
        # Last: a checkpoint that does not fit leaves them alone.
        restore_generators(generators, device_of(self.model))


@dataclass(frozen=True)
class Record:
    """One step, for whoever watches."""

    step: int
    loss: Any
    """The task's named tuple."""
    gradient_norm: float
    rate: float
    seconds: float
    """Time since the step before, waiting for data included."""
    waited: float
    """Share of it spent waiting for data."""


def fit(
    training: Training,
    batches: Iterable[Any],
    objective: Objective,
    on_step: Callable[[Record], None] = lambda record: None,
    on_nan: Callable[[str], None] | None = None,
) -> None:
    """Train until `batches` runs dry, where the model is, `accumulate` of them a step. Validating,
    saving and showing live in `on_step`.

    In a process group (torch.distributed) every process brings a part of each batch, and all learn
    what one would learn of the whole: norms and gradients are those of all parts. Models have to
    begin with the same weights.

    What is frozen stays frozen, running statistics included: modules in eval mode, and those whose
    parameters require no gradient (`nn.modes.frozen_modules`). It is asked once, at the start.

    A step whose gradient is not finite is left out whole, and `on_nan` is told in which layer that
    began. `MOST_LEFT_OUT` in a row are not chance.

    Raises:
        UserError: nothing learns; an empty batch; a loss or labels that are none; a gradient is no
            longer finite, too often or with no `on_nan`: names the layers, nothing of the step is
            kept.
    """
    model, cfg = checked_model(training.model), training.config
    device, frozen, left_out = device_of(model), frozen_modules(model), 0
    for waited, seconds, passes in timed_groups(batches, cfg.accumulate):
        train_except(model, frozen)
        before = [buffer.clone() for buffer in model.buffers()]
        rate = warmup_cosine(training.step, cfg.steps, cfg.rate, cfg.warmup)
        for optimizer in training.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss = _learn(training, list(map(checked_batch, passes)), objective)
        norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        finite = bool(norm.isfinite())
        if not training.scale.update(finite):
            # What the failed step was, and no longer is: statistics, then the forward pass again.
            with shared_batch(), products_in(cfg.amp, device):
                answer = partial(objective.answer, model, batch_to(passes[-1], device))
                culprit = first_not_finite(model, answer)
            culprit = culprit or ", ".join(layers_not_finite(model)[-1:])
            _restore(model.buffers(), before)
            wrong = (
                f"gradient not finite at step {training.step} in "
                f"{culprit or 'none by itself: their norm overflows'}"
            )
            left_out += 1
            if on_nan is None or left_out >= MOST_LEFT_OUT:
                raise UserError(
                    f"{wrong}{f', the {left_out}th in a row' if on_nan else ''}; the last "
                    "checkpoint is whole: resume with a lower train.rate, with --no-amp"
                    f"{'' if on_nan else ', or with --on-nan skip'}"
                )
            on_nan(f"{wrong}: the step is left out")
        if finite:
            left_out = 0
            nn.utils.clip_grads_with_norm_(model.parameters(), cfg.clip, norm)
            for optimizer in training.optimizers:
                optimizer.step()
        else:  # the scale was too large: a step is lost, and nothing is learnt from it
            _restore(model.buffers(), before)
        training.step += 1
        share = waited / seconds if seconds else 0.0
        on_step(Record(training.step, loss, norm.item(), rate, seconds, share))


def _learn(training: Training, passes: Sequence[Any], objective: Objective) -> Any:
    """Leave the gradient of a step in the model's parameters, and return its loss."""
    model, device = training.model, device_of(training.model)
    model.zero_grad(set_to_none=True)
    parts, loss = torch.zeros((), device=device), None
    for batch, share in zip(passes, shares_of(objective, passes, device), strict=True):
        batch = batch_to(batch, device)
        with shared_batch():
            with products_in(training.config.amp, device):
                answer = objective.answer(model, batch)
            loss = weighted(checked_loss(objective.loss(answer, batch)), share)
        training.scale.scaled(sum(loss)).backward()
        parts = parts + torch.stack([part.detach().reshape(()).to(device) for part in loss])
    # Each by itself: the sum of what is scaled up may overflow where that of gradients does not.
    training.scale.unscale([p.grad for p in model.parameters() if p.grad is not None])
    if processes() > 1:
        parts = add_across(model.parameters(), parts)
    assert loss is not None
    return loss._make(parts.unbind())


def _restore(buffers: Iterable[Tensor], before: Iterable[Tensor]) -> None:
    """What a step that is not taken has learnt of its batch."""
    for buffer, old in zip(buffers, before, strict=True):
        buffer.copy_(old)


def batch_to(batch: Any, device: torch.device) -> Any:
    """A batch whose tensors are on `device`, in whatever tuples, lists and dicts they stand."""
    return tree_map_only(Tensor, lambda x: x.to(device), batch)
