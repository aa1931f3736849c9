"""A training that goes on where it stopped, for scripts that make many."""

from collections.abc import Iterable
from pathlib import Path

from neurosvt.cli import main as neurosvt


def train(
    preset: str, settings: Iterable[str], folder: Path, threads: int, device: str = "cpu"
) -> None:
    """One run in `folder`, to its end; what stops it is told by itself."""
    words = [word for setting in settings for word in ("--set", setting)]
    words += ["--out", str(folder), "--threads", str(threads), "--device", device]
    words += ["--resume"] if (folder / "last.safetensors").exists() else []
    neurosvt(["train", preset, *words])
