"""Neuro-SVT: spiking vision transformers that go on knowing what they can no longer see.

The public names are loaded when they are first asked for, so that `neurosvt --help` and everything
else without tensors answers at once instead of waiting for torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosvt.models.dysvit import DySViT, DySViTConfig
    from neurosvt.models.neurosvt import NeuroSVT
    from neurosvt.models.neurosvt_config import NeuroSVTConfig

__version__ = "0.1.0"

__all__ = ["DySViT", "DySViTConfig", "NeuroSVT", "NeuroSVTConfig", "__version__"]

_HOMES = {
    "DySViT": "neurosvt.models.dysvit",
    "DySViTConfig": "neurosvt.models.dysvit",
    "NeuroSVT": "neurosvt.models.neurosvt",
    "NeuroSVTConfig": "neurosvt.models.neurosvt_config",
}
"""Public name to the module that defines it."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'neurosvt' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
