"""The folder that holds a model: found on a disk or on the hub, written whole, read with distrust.

`models.pretrained` says what the files hold.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from neurosvt.config import UserError, first_line
from neurosvt.reading import parsed_json, read_json_table, read_pickled

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
TORCH_WEIGHTS = "pytorch_model.bin"
METADATA = "facts"
"""The entry of the safetensors head that holds metadata, as in `training.checkpoint`."""


def is_pretrained_folder(path: str | Path) -> bool:
    """Whether `path` is a folder with the weights of a model, such as `save_pretrained` writes."""
    return Path(path).is_dir() and _weights(Path(path)) is not None


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, all or none: they are written beside it and then moved.

    Raises:
        UserError: `folder` is a file, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; a model is saved as a folder")
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        draft.mkdir(parents=True)
        for name, data in files.items():
            (draft / name).write_bytes(data)
        if folder.exists():
            for name in files:
                os.replace(draft / name, folder / name)
        else:
            draft.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def find_folder(
    name: str | Path,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """The folder of that name, or the copy of the repository of that name on this machine.

    A repository is taken from the local cache if it is there, and fetched otherwise.

    Args:
        name, revision, token, cache_dir, local_files_only: as in `Pretrained.from_pretrained`.

    Raises:
        FileNotFoundError: no such folder or repository, or no weights in it.
    """
    if Path(name).is_dir():
        return Path(name)
    failure: Exception = FileNotFoundError("no weights there")
    for offline in (True,) if local_files_only else (True, False):
        try:
            copy = snapshot_download(
                str(name), revision=revision, token=token, cache_dir=cache_dir,
                local_files_only=offline, allow_patterns=[CONFIG, WEIGHTS, TORCH_WEIGHTS],
            )  # fmt: skip
        except (HFValidationError, OSError) as error:
            failure = error
        else:
            if _weights(Path(copy)):
                return Path(copy)
    where = "this machine has no copy of it" if local_files_only else "the hub does not give it"
    raise FileNotFoundError(f"{name} is no folder, and {where}: {first_line(failure)}") from failure


def _weights(folder: Path) -> Path | None:
    """The weights in a folder, the safer form first."""
    found = (folder / name for name in (WEIGHTS, TORCH_WEIGHTS))
    return next((path for path in found if path.is_file()), None)


def read_settings(folder: Path) -> dict[str, Any]:
    """The table in `config.json`; without one it is empty: all as published.

    Raises:
        UserError: it is no JSON, or no table.
    """
    path = folder / CONFIG
    if not path.is_file():
        return {}
    return read_json_table(path)


def read_weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """The weights of a folder, their metadata, and the file that they are from.

    Raises:
        FileNotFoundError: there are none.
        UserError: a file that is damaged, or would run code.
    """
    path = _weights(folder)
    if path is None:
        raise FileNotFoundError(f"{folder} holds neither {WEIGHTS} nor {TORCH_WEIGHTS}")
    if path.name == TORCH_WEIGHTS:
        return _read_torch(path), {}, str(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = parsed_json((file.metadata() or {}).get(METADATA, "{}"), "its head")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise UserError(f"{path} is damaged or is no safetensors file ({error})") from error
    return weights, metadata if isinstance(metadata, dict) else {}, str(path)


def _read_torch(path: Path) -> dict[str, Tensor]:
    """A state dict; a file that asks for more than tensors could run anything, and is refused."""
    weights = read_pickled(path)
    if not isinstance(weights, dict) or not all(isinstance(t, Tensor) for t in weights.values()):
        raise UserError(f"{path} holds no table of tensors")
    return weights
