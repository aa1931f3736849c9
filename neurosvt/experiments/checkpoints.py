"""Trained models as files: written with the run that made them, called by name, read back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from neurosvt.config import UserError, as_plain, did_you_mean
from neurosvt.experiments.devices import place
from neurosvt.experiments.elsewhere import find_elsewhere, models_elsewhere
from neurosvt.experiments.migrate import migrate_metadata
from neurosvt.experiments.predictions import (
    ImagePrediction,
    WindowPrediction,
    predict_images,
    predict_recording,
)
from neurosvt.experiments.runs import Run, build_run
from neurosvt.loaders.images import ImageConfig
from neurosvt.models.model_card import RESULTS
from neurosvt.models.model_folder import is_pretrained_folder
from neurosvt.models.saved_folder import load_pretrained
from neurosvt.nn.weights import load_weights
from neurosvt.permanence.baselines.latch import Latch
from neurosvt.training import checkpoint

WEIGHTS = Path(str(files("neurosvt") / "weights"))
"""Where the package keeps the models that it ships; a wheel leaves some out: `elsewhere`."""
SHIPPED_RESULTS = WEIGHTS / "results.json"
"""What they were found to be worth; made by benchmarks/shipped_results.py."""


def save_model(path: Path, model: nn.Module, run: Run, metadata: dict[str, Any]) -> None:
    """Write a model's weights with the run that made it, so that `load` needs no more."""
    known = {"class_names": list(run.classes), "run": as_plain(run)}
    checkpoint.write_tensors(path, model.state_dict(), {**metadata, **known})


@dataclass(frozen=True)
class Checkpoint:
    """A model that was trained, and what is known about it."""

    name: str
    model: Any
    run: Run
    metadata: dict[str, Any]

    @property
    def steps(self) -> int:
        """For how many steps its run trained so far, and those before from which it started."""
        ended = self.metadata.get("finished")
        own = self.run.train.steps if ended else self.metadata.get("step", 0)
        return int(own + self.metadata.get("steps_before", 0))

    @property
    def takes_images(self) -> bool:
        """Whether it was trained on images; else on events."""
        return isinstance(self.run.data, ImageConfig)

    def predict(
        self, what: Any, *, every: int = 1, say: Callable[[str], None] = lambda line: None
    ) -> list[ImagePrediction] | list[WindowPrediction]:
        """What it says of images, or of a recording over time.

        Args:
            what: of a model of images, one or several: files or pixels (Y, X, 3) uint8. Else a
                recording: an event file of any format, or a `Recording`.
            every: of a recording only every so many windows, and the last; the model sees all.
            say: told in a line what was cut off, resized, damaged or skipped.

        Raises:
            FileNotFoundError, UserError: as `predict_images` and `predict_recording`, which gives
                the beliefs one by one.
        """
        if self.takes_images:
            return predict_images(self.model, what, say=say)
        return list(predict_recording(self.model, what, every=every, say=say))

    def latch(self) -> nn.Module:
        """The latch on this memoryless model, at the threshold tuned after its training."""
        if "latch_threshold" not in self.metadata:
            raise UserError(f"{self.name} holds no latch_threshold: it is found at training's end")
        return Latch(self.model, self.metadata["latch_threshold"]).eval()


def shipped_names() -> list[str]:
    """Models that RUN may name, those included that are to be pulled first."""
    return sorted({file.stem for file in WEIGHTS.glob("*.safetensors")} | {*models_elsewhere()})


def model_file(name: str) -> Path:
    """The weights that RUN names: a run folder, a checkpoint, or a model that the package ships. A
    folder that holds no model hides none that is shipped.

    Raises:
        FileNotFoundError: there are none; says what would do.
        UserError: as `find_elsewhere`.
    """
    path, shipped = Path(name), WEIGHTS / f"{name}.safetensors"
    best = path / "best.safetensors"
    if path.is_dir() and (best.exists() or not shipped.is_file()):
        return best
    if not path.suffix and shipped.is_file():
        return shipped
    if not path.is_file():
        if name in models_elsewhere():
            return find_elsewhere(name)
        known = shipped_names()
        hint = did_you_mean(name, known) or f" ({', '.join(known)})"
        raise FileNotFoundError(f"no run folder, checkpoint or shipped model {name!r}{hint}")
    return path


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file, these in today's words whenever it was written.

    Raises:
        FileNotFoundError, UserError: as `training.checkpoint.read_tensors`.
    """
    tensors, metadata = checkpoint.read_tensors(path)
    return tensors, migrate_metadata(metadata)


def shipped_results(name: str) -> list[dict[str, Any]]:
    """What a shipped model was found to be worth: rows for its card, of the committed results."""
    rows: list[dict[str, Any]] = json.loads(SHIPPED_RESULTS.read_text(encoding="utf-8")).get(
        name, []
    )
    return rows


def finished(name: str) -> bool:
    """Whether RUN is there and was trained to its end; a folder that was saved counts as such."""
    try:
        return is_pretrained_folder(name) or bool(
            read_checkpoint(model_file(name))[1].get("finished")
        )
    except FileNotFoundError:
        return False


def load(name: str | Path, backend: str = "auto") -> Checkpoint:
    """A trained model in eval mode, with the run that made it; where `devices.place` says.

    Args:
        name: a run folder, a checkpoint of it, a shipped model, or a folder that `save_pretrained`
            wrote.
        backend: how its neurons are computed, see `ops.native`.

    Raises:
        FileNotFoundError, UserError: nothing there, or it is cut, or does not fit its own run.
    """
    name = str(name)
    if is_pretrained_folder(name):
        return _from_folder(name, backend)
    path = model_file(name)
    tensors, metadata = read_checkpoint(path)
    if "rng" in tensors:  # a checkpoint of training: its model is what stands under "model."
        tensors = {n[6:]: t for n, t in tensors.items() if n.startswith("model.")}
    if "run" not in metadata:
        raise UserError(f"{path} does not say which run made it")
    if path.parent == WEIGHTS or path.stem == name:
        metadata |= {RESULTS: shipped_results(path.stem)}
    run = build_run(metadata["run"])
    model: Any = run.network(backend)
    load_weights(model, tensors, str(path))
    model.class_names, model.metadata = run.classes, metadata
    return Checkpoint(name, model.eval().to(place()), run, metadata)


def _from_folder(name: str, backend: str) -> Checkpoint:
    """A folder that `save_pretrained` wrote; where it does not say which run made it, the usual one
    for such a model."""
    model = load_pretrained(name, backend=backend)
    metadata = migrate_metadata(model.metadata)
    if "run" in metadata:
        run = build_run({**metadata["run"], "model": as_plain(model.config)})
    else:
        images = model.model_type == "dysvit"
        run = build_run({
            "model": as_plain(model.config), "data": {"dataset": "cifar10"} if images else {},
        })  # fmt: skip
    return Checkpoint(name, model.to(place()), run, {"finished": True, **metadata})


def load_classifier(name: str, backend: str = "auto") -> Checkpoint:
    """A trained model that names what a sample shows; otherwise as `load`.

    Raises:
        UserError: also if it was trained for something else.
    """
    trained = load(name, backend)
    if trained.run.hides:
        raise UserError(f"{name} follows objects that hide: `neurosvt permanence` judges it")
    return trained


def load_image_model(name: str, backend: str = "auto") -> Checkpoint:
    """A classifier of images; otherwise as `load_classifier`."""
    trained = load_classifier(name, backend)
    if not trained.takes_images:
        raise UserError(f"{name} names clips of events, not images")
    return trained
