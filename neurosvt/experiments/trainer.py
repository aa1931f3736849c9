"""Training a run in a folder: from the beginning, or from where it stopped.

A folder holds `last.safetensors` (everything, to resume from), `best.safetensors` (the weights that
validation liked best) and `history.json` (the curve).
"""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from neurosvt.config import ConfigError, UserError, as_plain
from neurosvt.experiments.checkpoints import Checkpoint, read_checkpoint, save_model
from neurosvt.experiments.devices import checked_device, missing_kernels
from neurosvt.experiments.interrupt import on_interrupt
from neurosvt.experiments.recipes import recipe_of
from neurosvt.experiments.resume import holds_training, refuse_difference, saved_run
from neurosvt.experiments.runs import Run
from neurosvt.files import write_whole
from neurosvt.loaders.prefetch import STOPS
from neurosvt.native import library
from neurosvt.nn.modes import in_eval_mode
from neurosvt.nn.weights import device_of, load_weights
from neurosvt.ops.precision import products_name
from neurosvt.results.places import check_folder
from neurosvt.training import checkpoint
from neurosvt.training.loop import Record, Training, fit


def train(
    run: Run,
    folder: str | Path,
    *,
    backend: str = "auto",
    device: str | torch.device = "cpu",
    resume: bool | Literal["auto"] = False,
    tensorboard: bool = False,
    quiet: bool = False,
) -> Checkpoint:
    """Train a run to its end and return its best model.

    Ctrl-C stops between two steps and saves; a second one stops at once. SIGTERM and SIGUSR1 stop
    as the first one does. All of them are only heard in the main thread.

    Args:
        run: what is trained, on what, and how.
        folder: where its files go; made if it is not there.
        backend: how neurons are computed, see `ops.lif.BACKENDS`.
        device: where to train, as PyTorch names it.
        resume: go on from `last.safetensors`; `saved_run(folder)` is the run to pass. "auto" does
            so if there is one, and begins otherwise.
        tensorboard: also log for TensorBoard, into the folder.
        quiet: print nothing and show no bar.

    Returns:
        The model with the best weights, in eval mode, and what is known about it.

    Raises:
        UserError: the folder holds a training and `resume` is false, or one of another run; the
            data set, device or backend does not fit; or a gradient is no longer finite.
        FileNotFoundError: the data set is not there, or nothing to resume.
        TrainingStopped: a signal came, and everything up to then is saved.
    """
    trainer = Trainer(
        run, Path(folder), backend, checked_device(device), tensorboard=tensorboard, quiet=quiet
    )
    trainer.prepare(resume=holds_training(folder) if resume == "auto" else resume)
    return trainer.train()


class TrainingStopped(KeyboardInterrupt):
    """A signal came, and the step at which it did is saved."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.exit_code = 128 + number
        """What a shell says of a program that a signal ended."""


class Trainer:
    """Trains one run in one folder; what `train` is made of.

    Args:
        run: what is trained, on what, and how.
        folder: where its files go.
        backend: how neurons are computed.
        device: where to train.
        tensorboard: also log for TensorBoard.
        quiet: print nothing and show no bar.
    """

    seconds: float
    """Training time so far, earlier sittings included."""
    waited: float
    """Seconds of it spent waiting for data."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        backend: str,
        device: torch.device,
        *,
        tensorboard: bool = False,
        quiet: bool = False,
    ):
        self.run, self.folder, self.backend = run, folder, backend
        self.last, self.best = folder / "last.safetensors", folder / "best.safetensors"
        # Weights from the seed alone, so that models of one seed start from the same.
        self.recipe = recipe_of(run, backend, device)
        self.training = Training(self.recipe.model, run.train)
        self.tensorboard, self.quiet = tensorboard, quiet
        self.board: Any = None
        self.console = Console(stderr=True, quiet=quiet)
        self.interrupted = 0
        self.saved = time.monotonic()
        self.seconds = self.waited = 0.0

    def prepare(self, resume: bool) -> None:
        """Refuse to overwrite a training; on resume, load it.

        Raises:
            UserError: there is a training and none is to be resumed, or it is of another run, or
                nothing can be written there.
            FileNotFoundError: there is none to resume.
        """
        check_folder(self.folder)
        if not resume:
            if self.last.exists():
                raise UserError(
                    f"{self.folder} holds a training: --resume goes on with it, "
                    "--out DIR starts another"
                )
            return
        refuse_difference(self.last, saved_run(self.folder), self.run)
        self.training.restore(self.last)
        _, metadata = read_checkpoint(self.last)
        self.seconds, self.waited = metadata["seconds"], metadata["waited"]

    def train(self) -> Checkpoint:
        """Train to the end, and tune what is tuned there.

        Raises:
            TrainingStopped: a signal came.
        """
        steps = self.run.train.steps
        if self.training.step >= steps:
            self._say(f"{self.folder} is trained: {self.training.step} of {steps} steps")
            return self._finish()
        if self.tensorboard:
            self.board = _tensorboard(self.folder)
        if library() is None:
            self._note("the kernels were not built: PyTorch alone, slower (neurosvt doctor)")
        if line := missing_kernels(self.backend, device_of(self.training.model)):
            self._note(line)
        self._note(summary(self.training.model))
        columns = (
            TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )  # fmt: skip
        with (
            on_interrupt(self._interrupt, STOPS),
            Progress(*columns, console=self.console, disable=self.quiet) as self.progress,
        ):
            self.bar = self.progress.add_task("", total=steps, completed=self.training.step)
            batches = self.recipe.batches(self.training.step)
            fit(self.training, batches, self.recipe.objective, self._step)
        return self._finish()

    def _say(self, line: str) -> None:
        """A result, for standard output."""
        if not self.quiet:
            print(line)

    def _note(self, line: str) -> None:
        """Talk, for standard error."""
        if not self.quiet:
            print(line, file=sys.stderr)

    def _interrupt(self, number: int, *_: Any) -> None:
        # Only noted: between two steps everything is whole, within one nothing is.
        self.interrupted = number
        # Whoever cannot wait for that presses again, and keeps what the last checkpoint holds.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _step(self, record: Record) -> None:
        self.seconds += record.seconds
        self.waited += record.seconds * record.waited
        total = sum(part.item() for part in record.loss)
        self.progress.update(
            self.bar,
            completed=record.step,
            description=f"loss {total:.3f}  {1 / record.seconds:.2f} steps/s",
        )
        if self.board:
            for name, value in record.loss._asdict().items():
                self.board.add_scalar(f"loss/{name}", value, record.step)
        cfg = self.run.train
        due = time.monotonic() - self.saved > 60 * cfg.save_minutes
        if record.step % cfg.validate_every == 0 or record.step == cfg.steps:
            self._validate(record, total)
        elif self.interrupted or due:
            self._save()
        if self.interrupted and record.step < cfg.steps:
            raise TrainingStopped(
                f"stopped at step {record.step} of {cfg.steps}, which is saved; --resume goes on",
                self.interrupted,
            )

    def _validate(self, record: Record, loss: float) -> None:
        start = time.perf_counter()
        model = self.training.model
        with in_eval_mode([model]):
            found = self.recipe.validate()
        self.seconds += time.perf_counter() - start
        best = max((entry["score"] for entry in self.training.history), default=-1.0)
        entry = {"step": record.step, "seconds": round(self.seconds, 1), "loss": loss, **found}
        self.training.history.append(entry)
        if found["score"] > best:
            metadata = {**entry, **self._known()}
            save_model(self.best, model, self.run, metadata)
        self._save()
        if self.board:
            for name, value in found.items():
                self.board.add_scalar(f"validation/{name}", value, record.step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
        better = "  (best so far)" if found["score"] > best else ""
        self.console.print(f"step {record.step}: {shown}{better}")

    def _save(self) -> None:
        metadata = {
            "run": as_plain(self.run),
            **self._known(),
            "seconds": self.seconds,
            "waited": self.waited,
        }
        self.training.save(self.last, metadata)
        curve = json.dumps({**metadata, "history": self.training.history}, indent=1) + "\n"
        write_whole(self.folder / "history.json", curve.encode())
        self.saved = time.monotonic()

    def _known(self) -> dict[str, Any]:
        """What the run alone does not say of its weights."""
        device = device_of(self.training.model)
        return {
            "steps_before": self.recipe.steps_before,
            "products": products_name(self.run.train.amp, device),
        }

    def _finish(self) -> Checkpoint:
        """Tune what is tuned on validation, and say what was learnt."""
        tensors, metadata = read_checkpoint(self.best)
        model = self.training.model
        load_weights(model, tensors, str(self.best))
        model.eval()
        if "finished" not in metadata:
            metadata |= {**self.recipe.calibrate(), "finished": True}
            checkpoint.write_tensors(self.best, tensors, metadata)
        if "latch_threshold" in metadata:
            self._say(f"latch: holds above {metadata['latch_threshold']:+.1f}")
        self._say(
            f"{self.folder}: best at step {metadata['step']}, score {metadata['score']:.3f}; "
            f"{self.seconds / 60:.1f} minutes, "
            f"{self.waited / max(self.seconds, 1e-9):.0%} of them waiting for data"
        )
        for remark in self.recipe.remarks():
            self._say(remark)
        return Checkpoint(str(self.folder), model, self.run, metadata)


def summary(model: nn.Module) -> str:
    """One line per part: its name and its learnt numbers; then all of them."""
    lines = [
        f"{name:<12}{sum(p.numel() for p in part.parameters()):>12,}"
        for name, part in model.named_children()
    ]
    whole = sum(p.numel() for p in model.parameters())
    return "\n".join([*lines, f"{'total':<12}{whole:>12,}"])


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError("--tensorboard needs: pip install 'neurosvt[tensorboard]'") from error
    return SummaryWriter(folder)
