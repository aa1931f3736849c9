"""Foreign simulators behind one door: each runs NIR files, a step at a time."""

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from neurosvt.export.nir_graph import STEP_S


class Simulator:
    """Runs the files of a folder, and keeps their states.

    Args:
        folder: where NAME.nir lie.
        load: makes of a graph what takes an input and a state, and gives an output and a state.
    """

    def __init__(self, folder: Path, load: Callable):
        self.folder, self.load = folder, load
        self.loaded: dict[str, Callable] = {}
        self.states: dict[str, Any] = {}

    def __call__(self, name: str, x: Tensor) -> Tensor:
        import nir

        if name not in self.loaded:
            self.loaded[name] = self.load(nir.read(self.folder / f"{name}.nir"))
        given = x.flatten(0, 1) if x.ndim == 3 else x  # samples and tokens are one batch to it
        y, self.states[name] = self.loaded[name](given, self.states.get(name))
        return y.unflatten(0, x.shape[:2]) if x.ndim == 3 else y


def norse(folder: Path) -> Simulator:
    """Norse, by its own importer."""
    with warnings.catch_warnings():  # it is written for an older PyTorch
        warnings.simplefilter("ignore")
        library = pytest.importorskip(
            "norse.torch", reason="norse is not installed (pip install --no-deps norse nirtorch)"
        )

    def load(graph):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return library.from_nir(graph, dt=STEP_S)

    return Simulator(folder, load)


def snntorch(folder: Path) -> Simulator:
    """SnnTorch, by its own importer; it keeps states inside."""
    pytest.importorskip("nirtorch", reason="nirtorch is not installed")
    library = pytest.importorskip("snntorch.import_nir", reason="snntorch is not installed")

    def load(graph):
        with contextlib.redirect_stdout(io.StringIO()):  # it says what it does to thresholds
            return library.import_from_nir(graph)

    return Simulator(folder, load)


SIMULATORS = {"norse": norse, "snntorch": snntorch}


class Compared:
    """A runtime that asks another beside it, and counts where their answers differ."""

    def __init__(self, right: Callable, other: Callable, skip: tuple[str, ...] = ()):
        self.right, self.other, self.skip = right, other, skip
        self.spikes, self.differing, self.furthest = 0, 0, 0.0
        self.asked: set[str] = set()

    def __call__(self, name: str, x: Tensor) -> Tensor:
        y = self.right(name, x)
        if name in self.skip:
            return y
        z = self.other(name, x)
        self.asked.add(name)
        assert z.shape == y.shape, name
        if ((y == 0) | (y == 1)).all():
            self.spikes += int(y.sum())
            self.differing += int((y != z).sum())
        self.furthest = max(self.furthest, float((y - z).abs().max()))
        return y
