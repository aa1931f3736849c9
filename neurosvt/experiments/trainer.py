"""One training from the command line: its folder, its progress bar, its validation, its end."""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from neurosvt.config import ConfigError, UserError, as_plain
from neurosvt.experiments.checkpoints import read_checkpoint, save_model
from neurosvt.experiments.recipes import recipe_of
from neurosvt.experiments.runs import Run, build_run
from neurosvt.files import write_whole
from neurosvt.native import library
from neurosvt.nn.weights import load_weights
from neurosvt.results.places import check_folder
from neurosvt.train import checkpoint
from neurosvt.train.loop import Record, Training, fit


class Trainer:
    """Trains one run in one folder, from the beginning or from where it stopped."""

    def __init__(
        self,
        described: Run,
        folder: Path,
        backend: str,
        device: torch.device,
        *,
        tensorboard: bool = False,
    ):
        self.described, self.folder = described, folder
        self.last, self.best = folder / "last.safetensors", folder / "best.safetensors"
        # Weights from the seed alone, so that models of one seed start from the same.
        self.recipe = recipe_of(described, backend, device)
        self.training = Training(self.recipe.model, described.train)
        self.tensorboard = tensorboard
        self.board: Any = None
        self.console = Console(stderr=True)
        self.interrupted = False
        self.seconds = 0.0
        """Training time so far, earlier sittings included."""
        self.waited = 0.0

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
        _, metadata = read_checkpoint(self.last)
        # Built again, so that a setting which is newer than the checkpoint has its default there.
        if "run" not in metadata or build_run(metadata["run"]) != self.described:
            difference = _difference(metadata, self.described)
            raise UserError(f"{self.last} belongs to a run with other settings{difference}")
        self.training.restore(self.last)
        self.seconds, self.waited = metadata["seconds"], metadata["waited"]

    def run(self) -> int:
        """Train to the end, or until Ctrl-C; the exit code."""
        steps = self.described.train.steps
        if self.training.step >= steps:
            print(f"{self.folder} is trained: {self.training.step} of {steps} steps")
            self._finish()
            return 0
        if self.tensorboard:
            self.board = _board(self.folder)
        if library() is None:
            print(
                "the kernels were not built: PyTorch alone, slower (neurosvt doctor)",
                file=sys.stderr,
            )
        print(summary(self.training.model), file=sys.stderr)
        before = signal.signal(signal.SIGINT, self._interrupt)
        columns = (
            TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )  # fmt: skip
        try:
            with Progress(*columns, console=self.console) as self.progress:
                self.bar = self.progress.add_task("", total=steps, completed=self.training.step)
                batches = self.recipe.batches(self.training.step)
                fit(self.training, batches, self.recipe.objective, self._step)
        except _Stop:
            print(f"stopped at step {self.training.step}; --resume goes on", file=sys.stderr)
            return 130
        finally:
            signal.signal(signal.SIGINT, before)
        self._finish()
        return 0

    def _interrupt(self, *_: Any) -> None:
        # Only noted: between two steps everything is whole, within one nothing is.
        self.interrupted = True
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
        cfg = self.described.train
        if record.step % cfg.validate_every == 0 or record.step == cfg.steps:
            self._validate(record, total)
        elif self.interrupted:
            self._save()
        if self.interrupted and record.step < cfg.steps:
            raise _Stop

    def _validate(self, record: Record, loss: float) -> None:
        start = time.perf_counter()
        model = self.training.model.eval()
        found = self.recipe.validate()
        self.seconds += time.perf_counter() - start
        best = max((entry["score"] for entry in self.training.history), default=-1.0)
        entry = {"step": record.step, "seconds": round(self.seconds, 1), "loss": loss, **found}
        self.training.history.append(entry)
        if found["score"] > best:
            metadata = {**entry, "steps_before": self.recipe.steps_before}
            save_model(self.best, model, self.described, metadata)
        self._save()
        if self.board:
            for name, value in found.items():
                self.board.add_scalar(f"validation/{name}", value, record.step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
        better = "  (best so far)" if found["score"] > best else ""
        self.console.print(f"step {record.step}: {shown}{better}")

    def _save(self) -> None:
        metadata = {
            "run": as_plain(self.described),
            "steps_before": self.recipe.steps_before,
            "seconds": self.seconds,
            "waited": self.waited,
        }
        self.training.save(self.last, metadata)
        curve = json.dumps({**metadata, "history": self.training.history}, indent=1) + "\n"
        write_whole(self.folder / "history.json", curve.encode())

    def _finish(self) -> None:
        """Settle what is tuned on validation, and print what was learnt."""
        tensors, metadata = read_checkpoint(self.best)
        load_weights(self.training.model, tensors, str(self.best))
        self.training.model.eval()
        if "finished" not in metadata:
            metadata |= {**self.recipe.calibrate(), "finished": True}
            checkpoint.save(self.best, tensors, metadata)
        if "latch_threshold" in metadata:
            print(f"latch: holds above {metadata['latch_threshold']:+.1f}")
        print(
            f"{self.folder}: best at step {metadata['step']}, score {metadata['score']:.3f}; "
            f"{self.seconds / 60:.1f} minutes, "
            f"{self.waited / max(self.seconds, 1e-9):.0%} of them waiting for data"
        )
        for remark in self.recipe.remarks():
            print(remark)


class _Stop(Exception):
    """Ctrl-C was pressed, and the step at which it was is saved."""


def summary(model: nn.Module) -> str:
    """One line per part: its name and its learnt numbers; then all of them."""
    lines = [
        f"{name:<12}{sum(p.numel() for p in part.parameters()):>12,}"
        for name, part in model.named_children()
    ]
    whole = sum(p.numel() for p in model.parameters())
    return "\n".join([*lines, f"{'total':<12}{whole:>12,}"])


def _difference(metadata: dict[str, Any], described: Run) -> str:
    """The first setting in which a checkpoint's run differs."""
    for table, settings in as_plain(described).items():
        saved = metadata.get("run", {}).get(table, {})
        for name, value in settings.items():
            if saved.get(name) != value:
                return f": {table}.{name} is {saved.get(name)!r} there, {value!r} here"
    return ""


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError("--tensorboard needs: pip install 'neurosvt[tensorboard]'") from error
    return SummaryWriter(folder)
