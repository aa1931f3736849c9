"""A subgraph as a graph of NIR (Pedersen et al., Nature Communications 2024).

NIR tells neurons as differential equations, and a simulator chooses how to step them. What is
written here gives our spikes in a forward Euler step of `STEP_S`, as norse and snnTorch take it.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from neurosvt.config import UserError
from neurosvt.export.subgraph import Convolved, Fired, Layer, Projected, Subgraph

STEP_S = 1e-4
"""Seconds of one step in the files, whatever a frame lasts: snnTorch's importer knows no other."""


def nir_library() -> Any:
    """The package `nir`.

    Raises:
        UserError: it is not installed.
    """
    try:
        import nir
    except ImportError:
        raise UserError("NIR needs the package nir: pip install 'neurosvt[export]'") from None
    return nir


def nir_graph(subgraph: Subgraph) -> Any:
    """An `nir.NIRGraph` of one copy of a subgraph: input, its layers by name, output."""
    nir = nir_library()
    nodes = {"input": nir.Input({"input": np.array(subgraph.entry)})}
    nodes |= {name: _node(nir, layer) for name, layer in subgraph.layers}
    nodes["output"] = nir.Output({"output": np.array(subgraph.exit)})
    names = list(nodes)
    return nir.NIRGraph(nodes, list(pairwise(names)))


def _node(nir: Any, layer: Layer) -> Any:
    if isinstance(layer, Projected):
        if layer.bias is None:
            return nir.Linear(_array(layer.weight))
        return nir.Affine(_array(layer.weight), _array(layer.bias))
    if isinstance(layer, Convolved):
        stride, padding = (layer.stride,) * 2, (layer.padding,) * 2
        return nir.Conv2d(
            (layer.side, layer.side), _array(layer.weight), stride, padding, (1, 1), 1,
            _array(layer.bias),
        )  # fmt: skip
    if isinstance(layer, Fired):
        return _lif(nir, layer)
    tau = layer.tau.detach().double().cpu().numpy()
    return nir.LI(tau=tau * STEP_S, r=tau, v_leak=np.zeros_like(tau))


def _lif(nir: Any, layer: Fired) -> Any:
    """`tau dv/dt = -v + I`; a step is `v += STEP_S / tau (I - v)`, so v is ours times STEP_S / tau.

    The resistance is 1, because norse's importer leaves it out. NIR fires above the threshold and
    we at it, so the threshold is the next float32 below what a current of exactly 1 leaves. A
    neuron that runs for one step from rest has a tau of one step, and keeps nothing.
    """
    keep = float(np.float32(layer.decay))  # so that a simulator in float32 finds our decay again
    tau = STEP_S / (1 - keep)
    charge = np.float32(STEP_S) * (1 / np.float32(tau))

    def every(value: float) -> Any:
        return np.full(layer.shape, value, dtype=np.float64)

    below = np.nextafter(charge, np.float32(0))
    return nir.LIF(
        tau=every(tau),
        r=every(1.0),
        v_leak=every(0.0),
        v_threshold=every(float(below)),
        v_reset=every(0.0),
    )


def _array(weight: Tensor) -> Any:
    return weight.detach().float().cpu().contiguous().numpy()
