"""Shipped models that the wheel leaves out, for they are rarely needed: where they lie.

A checkout has them all. Otherwise they are looked for in `weights/` of the folder of data sets,
then in the hub's cache. Nothing is fetched unless asked: `neurosvt hub pull NAME`.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from huggingface_hub import hf_hub_download, try_to_load_from_cache

from neurosvt.config import Registry, UserError
from neurosvt.datasets.folder import data_root
from neurosvt.files import sha256_of

TABLE = Path(str(files("neurosvt") / "weights" / "elsewhere.json"))
"""Every such model, with its hash; made by benchmarks/ship.py."""


@dataclass(frozen=True)
class Elsewhere:
    """A file of weights on the hub."""

    repository: str
    revision: str
    file: str
    sha256: str
    size: int
    """Bytes."""


@cache
def models_elsewhere() -> Registry[Elsewhere]:
    """By the name that RUN takes."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    place = table["repository"], table["revision"]
    entries = {
        name: Elsewhere(*place, f"{name}.safetensors", entry["sha256"], entry["bytes"])
        for name, entry in table["models"].items()
    }
    return Registry("model", entries)


def find_elsewhere(name: str) -> Path:
    """The weights of such a model on this machine.

    Raises:
        FileNotFoundError: they are not there; says what brings them.
        UserError: what is there has another hash.
    """
    model = models_elsewhere()[name]
    own = data_root() / "weights" / model.file
    cached = try_to_load_from_cache(model.repository, model.file, revision=model.revision)
    for path in (own, Path(cached) if isinstance(cached, str) else None):
        if path is not None and path.is_file():
            return _checked(path, model)
    raise FileNotFoundError(
        f"the weights of {name} ({model.size / 1e6:.1f} MB) are not in this package: "
        f"`neurosvt hub pull {name}` fetches them, or put {model.file} at {own}"
    )


def fetch_elsewhere(name: str) -> Path:
    """Fetch the weights of such a model into the hub's cache.

    Raises:
        UserError: the hub does not give them, or gives others.
    """
    model = models_elsewhere()[name]
    try:
        path = hf_hub_download(model.repository, model.file, revision=model.revision)
    except Exception as error:  # of which kind, changes with the version of the hub's client
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{name}: the hub does not give {model.repository}: {reason}") from error
    return _checked(Path(path), model)


def _checked(path: Path, model: Elsewhere) -> Path:
    if sha256_of(path) != model.sha256:
        raise UserError(f"{path} is not the {model.file} of this version: its hash is another")
    return path
