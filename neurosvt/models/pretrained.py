"""A trained DySViT as a folder, on a disk or on the Hugging Face hub.

config.json          what `DySViTConfig` takes
model.safetensors    all weights, slope networks included
pytorch_model.bin    the weights of the deployed network, tensors only
model.py             that network in one file, for PyTorch alone (`models/dysvit_standalone.py`)
"""

import io
import json
import pickle
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from neurosvt.config import UserError
from neurosvt.files import write_whole

CONFIG, WEIGHTS, TORCH_WEIGHTS = "config.json", "model.safetensors", "pytorch_model.bin"


def write_folder(
    folder: str | Path,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    deployed: Mapping[str, Tensor],
) -> None:
    """Write such a folder; every file appears whole or not at all.

    Raises:
        UserError: `folder` is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; a model is saved as a folder")
    folder.mkdir(parents=True, exist_ok=True)
    plain = io.BytesIO()
    torch.save(dict(deployed), plain)
    alone = files(__package__).joinpath("dysvit_standalone.py").read_bytes()
    contiguous = {name: t.contiguous() for name, t in weights.items()}
    for name, data in {
        CONFIG: (json.dumps(dict(config), indent=1) + "\n").encode(),
        WEIGHTS: save_safetensors(contiguous, {"format": "pt"}),
        TORCH_WEIGHTS: plain.getvalue(),
        "model.py": alone,
    }.items():
        write_whole(folder / name, data)


def read_folder(
    name: str | Path, revision: str | None = None
) -> tuple[dict[str, Any], dict[str, Tensor], str]:
    """The settings and weights of a folder or a repository, and the file that the weights are from.

    Without `config.json` the settings are empty: all as published. A repository is taken from the
    local cache if it is there, and fetched otherwise.

    Raises:
        FileNotFoundError: no such folder or repository, or no weights in it.
        UserError: a file that is damaged, or would run code.
    """
    folder = _folder(name, revision)
    config = folder / CONFIG
    weights = _weights(folder)
    if weights is None:
        raise FileNotFoundError(f"{folder} holds neither {WEIGHTS} nor {TORCH_WEIGHTS}")
    read = _read_torch if weights.name == TORCH_WEIGHTS else _read_safetensors
    return _read_config(config) if config.is_file() else {}, read(weights), str(weights)


def _weights(folder: Path) -> Path | None:
    """The weights in a folder, the safer form first."""
    found = (folder / name for name in (WEIGHTS, TORCH_WEIGHTS))
    return next((path for path in found if path.is_file()), None)


def _folder(name: str | Path, revision: str | None) -> Path:
    """The folder of that name, or the copy of the repository of that name on this machine."""
    if Path(name).is_dir():
        return Path(name)
    failure: Exception = FileNotFoundError("no weights there")
    for offline in (True, False):
        try:
            copy = snapshot_download(
                str(name), revision=revision, local_files_only=offline,
                allow_patterns=[CONFIG, WEIGHTS, TORCH_WEIGHTS],
            )  # fmt: skip
        except (HFValidationError, OSError) as error:
            failure = error
        else:
            if _weights(Path(copy)):
                return Path(copy)
    raise FileNotFoundError(
        f"{name} is no folder, and the hub does not give it: {str(failure).splitlines()[0]}"
    ) from failure


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} holds no table of settings")
    return config


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_safetensors(path.read_bytes())
    except SafetensorError as error:
        raise UserError(f"{path} is damaged or is no safetensors file ({error})") from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    """A state dict; a file that asks for more than tensors could run anything, and is refused."""
    data = io.BytesIO(path.read_bytes())
    try:
        weights = torch.load(data, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged, or holds more than tensors") from error
    if not isinstance(weights, dict) or not all(isinstance(t, Tensor) for t in weights.values()):
        raise UserError(f"{path} holds no table of tensors")
    return weights
