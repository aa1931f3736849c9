"""Where a training logs beside its own files: TensorBoard, trackio, or what is registered.

All of them write on this machine alone unless their own settings say otherwise.
"""

import contextlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neurosvt.config import ConfigError, Registry


class TrainingLog(ABC):
    """Takes numbers, step by step."""

    @abstractmethod
    def log(self, values: Mapping[str, float], step: int) -> None:
        """Numbers by name, as `loss/classes` or `validation/score`, at a step."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left."""


class TensorBoardLog(TrainingLog):
    """Event files in the run's folder."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            line = "--log tensorboard needs: pip install 'neurosvt[tensorboard]'"
            raise ConfigError(line) from error
        self.writer = SummaryWriter(folder)

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()


class TrackioLog(TrainingLog):
    """A run of the project `neurosvt`, which `trackio show --project neurosvt` shows."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]):
        try:
            import trackio
        except ImportError as error:
            raise ConfigError("--log trackio needs: pip install 'neurosvt[trackio]'") from error
        self.trackio: Any = trackio  # it is not annotated throughout
        with _talk():
            trackio.init(
                project="neurosvt", name=folder.name, config=dict(settings), resume="allow",
                embed=False, auto_log_cpu=False, auto_log_gpu=False,
            )  # fmt: skip

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.trackio.log(dict(values), step=step)

    def close(self) -> None:
        with _talk():
            self.trackio.finish()


def _talk() -> contextlib.redirect_stdout[Any]:
    """What it prints is talk: standard output is for results."""
    return contextlib.redirect_stdout(sys.stderr)


LOGS: Registry[Callable[[Path, Mapping[str, Any]], TrainingLog]] = Registry(
    "log", {"tensorboard": TensorBoardLog, "trackio": TrackioLog}
)
"""By the word of `--log`; each is made of the run's folder and its settings. Add your own."""
