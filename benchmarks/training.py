"""A training that goes on where it stopped, for scripts that make many."""

import sys
from collections.abc import Iterable
from pathlib import Path

from neurosvt.cli import main as neurosvt


def train(
    preset: str, settings: Iterable[str], folder: Path, threads: int, device: str = "cpu"
) -> None:
    """One run in `folder`, to its end."""
    words = [word for setting in settings for word in ("--set", setting)]
    words += ["--out", str(folder), "--threads", str(threads), "--device", device]
    words += ["--resume"] if (folder / "last.safetensors").exists() else []
    if code := neurosvt(["train", preset, *words]):
        sys.exit(code)  # Ctrl-C stops all of them
