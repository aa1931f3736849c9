"""One architecture per file, readable alone, its config on top."""

from neurosvt.models.dysvit import DySViT, DySViTConfig
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_config import SIZES, NeuroSVTConfig
from neurosvt.models.neurosvt_dense import NeuroSVTDense
from neurosvt.models.neurosvt_state import State
from neurosvt.models.recurrent import RecurrentConfig, RecurrentNet
from neurosvt.models.vit import ViT, ViTConfig, twin_of, vit_tiny_of

__all__ = [
    "SIZES",
    "DySViT",
    "DySViTConfig",
    "NeuroSVT",
    "NeuroSVTConfig",
    "NeuroSVTDense",
    "RecurrentConfig",
    "RecurrentNet",
    "State",
    "ViT",
    "ViTConfig",
    "twin_of",
    "vit_tiny_of",
]
