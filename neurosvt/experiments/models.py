"""Which kinds of models there are, and how each is made from its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from neurosvt.config import Registry
from neurosvt.models.convnet import ConvNet, ConvNetConfig
from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.recurrent import RecurrentConfig, RecurrentNet
from neurosvt.models.vit import ViT, ViTConfig


@dataclass(frozen=True)
class ModelKind:
    """A kind of model."""

    config: type
    """Its settings, a frozen dataclass with a field `kind`."""
    make: Callable[[Any, str], nn.Module]
    """The model, untrained, from its settings and a backend."""


RECURRENT = ("gru", "lstm", "convlstm")
"""Kinds of recurrent networks, which are dense and know one frame length alone."""

MODELS: Registry[ModelKind] = Registry(
    "model",
    {
        "neurosvt": ModelKind(NeuroSVTConfig, NeuroSVT),
        "dysvit": ModelKind(DySViTConfig, lambda cfg, backend: DySViT(config=cfg, backend=backend)),
        # What is dense has no neurons for a backend to compute.
        "vit": ModelKind(ViTConfig, lambda cfg, _: ViT(cfg)),
        "convnet": ModelKind(ConvNetConfig, lambda cfg, _: ConvNet(cfg)),
        **{
            kind: ModelKind(RecurrentConfig, lambda cfg, _: RecurrentNet(cfg)) for kind in RECURRENT
        },
    },
)
"""By the word that stands as `kind` in their settings; those of one's own are added at run time."""
