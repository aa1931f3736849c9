"""Training a run in a folder: from the beginning, or from where it stopped.

A folder holds `last.safetensors` (everything, to resume from), `earlier.safetensors` (the same, of
the time before), `best.safetensors` (the weights that validation liked best) and `history.json`
(the curve).
"""

import json
import math
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import torch

from neurosvt.config import UserError, as_plain
from neurosvt.experiments.checkpoints import Checkpoint, read_checkpoint, save_model
from neurosvt.experiments.devices import missing_kernels
from neurosvt.experiments.display import Display, summary
from neurosvt.experiments.folder_lock import locked
from neurosvt.experiments.interrupt import TrainingStopped, on_interrupt
from neurosvt.experiments.logs import LOGS
from neurosvt.experiments.processes import agreed, process_group, same_everywhere
from neurosvt.experiments.recipes import recipe_of
from neurosvt.experiments.resume import (
    LAST,
    holds_training,
    keep_earlier,
    refuse_training,
    to_resume,
)
from neurosvt.experiments.runs import Run, whole_run
from neurosvt.files import write_whole
from neurosvt.loaders.prefetch import STOPS
from neurosvt.loaders.shares import passes_of
from neurosvt.native import library
from neurosvt.nn.modes import in_eval_mode
from neurosvt.nn.weights import device_of, load_weights
from neurosvt.ops.across import any_of, processes, rank
from neurosvt.ops.precision import products_name
from neurosvt.results.places import check_folder
from neurosvt.training import checkpoint
from neurosvt.training.generators import own_generators
from neurosvt.training.loop import Record, Training, fit

ON_NAN = ("stop", "skip")
"""What to do where a gradient is not finite: end, or leave the step out and say so."""


def train(
    run: Run,
    folder: str | Path,
    *,
    backend: str = "auto",
    device: str | torch.device = "cpu",
    resume: bool | Literal["auto"] = False,
    logs: Sequence[str] = (),
    quiet: bool = False,
    on_nan: str = "stop",
) -> Checkpoint:
    """Train a run to its end and return its best model.

    Processes that a launcher started share the work (`experiments.processes`): together they learn
    from batches as many times as large as there are processes. The first of them writes and tells.

    Ctrl-C stops between two steps and saves; a second one stops at once. SIGTERM and SIGUSR1 stop
    as the first one does. All of them are only heard in the main thread.

    Args:
        run: what is trained, on what, and how.
        folder: where its files go; made if it is not there.
        backend: how neurons are computed, see `ops.lif.BACKENDS`.
        device: where to train, as PyTorch names it; "cuda" is the GPU of the process.
        resume: go on from `last.safetensors`; `saved_run(folder)` is the run to pass. "auto" does
            so if there is one, and begins otherwise.
        logs: where it logs as well: keys of `experiments.logs.LOGS`.
        quiet: print nothing and show no bar.
        on_nan: of `ON_NAN`, what to do where a gradient is not finite.

    Returns:
        The model with the best weights, in eval mode, and what is known about it.

    Raises:
        UserError: the folder holds a training and `resume` is false, or one of another run, or
            another process trains into it; the data set, device or backend does not fit; or a
            gradient is no longer finite.
        FileNotFoundError: the data set is not there, or nothing to resume.
        TrainingStopped: a signal came, and everything up to then is saved.
    """
    folder = Path(folder)
    with process_group(device) as own, ExitStack() as held:
        with agreed():
            go_on = holds_training(folder) if resume == "auto" else resume
            trainer = Trainer(
                run, folder, backend, own, resume=go_on, logs=logs, quiet=quiet, on_nan=on_nan
            )
            if not rank():
                held.enter_context(locked(folder))
        return trainer.train()


class Trainer:
    """Trains one run in one folder; what `train` is made of.

    Args:
        run: what is trained, on what, and how.
        folder: where its files go.
        backend: how neurons are computed.
        device: where to train.
        resume: go on from the last checkpoint.
        logs: keys of `LOGS`, where it logs as well.
        quiet: print nothing and show no bar.
        on_nan: of `ON_NAN`, what to do where a gradient is not finite.

    Raises:
        UserError: there is a training and none is to be resumed, or it is of another run, or
            nothing can be written there.
        FileNotFoundError: there is none to resume.
    """

    seconds: float
    """Training time so far, earlier sittings included."""
    waited: float
    """Seconds of it spent waiting for data."""
    processes: int
    """Of the training as it was begun, which decide how large its batches are."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        backend: str,
        device: torch.device,
        *,
        resume: bool = False,
        logs: Sequence[str] = (),
        quiet: bool = False,
        on_nan: str = "stop",
    ):
        self.run, self.folder, self.backend = run, folder, backend
        self.last, self.best = folder / LAST, folder / "best.safetensors"
        self.show = Display(quiet or rank() > 0)
        if on_nan not in ON_NAN:
            raise UserError(f"on_nan must be {' or '.join(ON_NAN)}, got {on_nan!r}")
        self.on_nan = self.show.note if on_nan == "skip" else None
        check_folder(folder)
        self.gone_on_from, before = self.last, dict[str, Any]()
        if resume:
            self.gone_on_from, before = to_resume(folder, run, self.show.note)
        else:
            refuse_training(folder)
        self.processes = before.get("processes", 1) if resume else processes()
        self.whole = whole_run(run, self.processes)
        if self.whole.train.batch < processes() * run.train.accumulate:
            raise UserError(
                f"batches of {self.whole.train.batch}, which this training began with, are too "
                f"small for {processes()} processes with {run.train.accumulate} passes each"
            )
        # Weights from the seed alone, so that models of one seed start from the same.
        self.recipe = recipe_of(self.whole, backend, device)
        own_generators(run.train.seed)
        self.training = Training(self.recipe.model, self.whole.train)
        if resume:
            self.training.restore(self.gone_on_from)
        self.seconds, self.waited = before.get("seconds", 0.0), before.get("waited", 0.0)
        self.show.logs = [LOGS[name](folder, as_plain(run)) for name in logs if not rank()]
        self.interrupted = 0
        self.saved = time.monotonic()

    def train(self) -> Checkpoint:
        """Train to the end, and tune what is tuned there.

        Raises:
            TrainingStopped: a signal came.
        """
        cfg, step, model = self.whole.train, self.training.step, self.training.model
        if step >= cfg.steps:
            self.show.say(f"{self.folder} is trained: {step} of {cfg.steps} steps")
            return self._finish()
        if library() is None:
            self.show.note("the kernels were not built: PyTorch alone, slower (neurosvt doctor)")
        if line := missing_kernels(self.backend, device_of(model)):
            self.show.note(line)
        if processes() > 1:
            self.show.note(f"{processes()} processes share batches of {cfg.batch}")
        self.show.note(summary(model))
        same_everywhere(model)
        with on_interrupt(self._interrupt, STOPS), self.show.bar(step, cfg.steps):
            batches = passes_of(self.recipe.batches(step), cfg.accumulate)
            fit(self.training, batches, self.recipe.objective, self._step, self.on_nan)
        return self._finish()

    def _interrupt(self, number: int, *_: Any) -> None:
        # Only noted: between two steps everything is whole, within one nothing is.
        self.interrupted = number
        # Whoever cannot wait for that presses again, and keeps what the last checkpoint holds.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _step(self, record: Record) -> None:
        self.seconds += record.seconds
        self.waited += record.seconds * record.waited
        losses = {name: part.item() for name, part in record.loss._asdict().items()}
        self.show.step(record.step, losses, record.seconds)
        cfg = self.whole.train
        look = record.step % cfg.validate_every == 0 or record.step == cfg.steps
        if look and not rank():
            self._validate(record.step, sum(losses.values()))
        # Here the others wait for the first. One may have heard a signal that another has not, and
        # no two clocks are the same.
        stop, due = any_of(
            [self.interrupted > 0, time.monotonic() - self.saved > 60 * cfg.save_minutes],
            device_of(self.training.model),
        )
        if look or stop or due:
            self._save()
        if stop and record.step < cfg.steps:
            raise TrainingStopped(
                f"stopped at step {record.step} of {cfg.steps}, which is saved; --resume goes on",
                self.interrupted or signal.SIGTERM,
            )

    def _validate(self, step: int, loss: float) -> None:
        start = time.perf_counter()
        model = self.training.model
        with in_eval_mode([model]):
            found = self.recipe.validate()
        self.seconds += time.perf_counter() - start
        best = max((entry["score"] for entry in self.training.history), default=-1.0)
        told = loss if math.isfinite(loss) else None  # of a step that was left out
        entry = {"step": step, "seconds": round(self.seconds, 1), "loss": told, **found}
        self.training.history.append(entry)
        # Of equals the last: few images are soon all told apart, by weights yet to settle.
        liked = found["score"] >= best
        if liked:
            save_model(self.best, model, self.run, {**entry, **self._known()})
        self.show.validation(step, found, liked)

    def _save(self) -> None:
        metadata = {
            "run": as_plain(self.run),
            "processes": self.processes,
            **self._known(),
            "seconds": self.seconds,
            "waited": self.waited,
        }
        if not rank() and self.gone_on_from == self.last:
            keep_earlier(self.folder)
        self.training.save(self.last, metadata)
        self.gone_on_from = self.last
        self.saved = time.monotonic()
        if rank():
            return
        curve = json.dumps({**metadata, "history": self.training.history}, indent=1) + "\n"
        write_whole(self.folder / "history.json", curve.encode())

    def _known(self) -> dict[str, Any]:
        """What the run alone does not say of its weights."""
        device = device_of(self.training.model)
        return {
            "steps_before": self.recipe.steps_before,
            "products": products_name(self.run.train.amp, device),
        }

    def _finish(self) -> Checkpoint:
        """Tune what is tuned on validation, and say what was learnt."""
        with agreed():
            if not rank():
                self._calibrate()
        tensors, metadata = read_checkpoint(self.best)
        model = self.training.model
        load_weights(model, tensors, str(self.best))
        model.eval()
        if "latch_threshold" in metadata:
            self.show.say(f"latch: holds above {metadata['latch_threshold']:+.1f}")
        self.show.say(
            f"{self.folder}: best at step {metadata['step']}, score {metadata['score']:.3f}; "
            f"{self.seconds / 60:.1f} minutes, "
            f"{self.waited / max(self.seconds, 1e-9):.0%} of them waiting for data"
        )
        for remark in self.recipe.remarks():
            self.show.say(remark)
        return Checkpoint(str(self.folder), model, self.run, metadata)

    def _calibrate(self) -> None:
        """Tune the best weights, unless that was done."""
        tensors, metadata = read_checkpoint(self.best)
        if "finished" in metadata:
            return
        model = self.training.model
        load_weights(model, tensors, str(self.best))
        model.eval()
        metadata |= {**self.recipe.calibrate(), "finished": True}
        checkpoint.write_tensors(self.best, model.state_dict(), metadata)
