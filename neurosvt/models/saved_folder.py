"""Whatever model a folder holds."""

from pathlib import Path
from typing import Any

from neurosvt.models import dysvit, neurosvt  # noqa: F401  which add their types
from neurosvt.models.model_folder import find_folder, read_settings
from neurosvt.models.pretrained import Pretrained, class_of_type


def load_pretrained(name: str | Path, **options: Any) -> Pretrained:
    """A trained model of whatever type, which `config.json` says; a DySViT if it says none.

    Args:
        name, options: as in `Pretrained.from_pretrained`.

    Raises:
        FileNotFoundError, UserError: as there, or the type is unknown.
    """
    at = {n: options.pop(n, None) for n in ("revision", "token", "cache_dir")}
    folder = find_folder(name, **at, local_files_only=options.pop("local_files_only", False))
    # Before types had names, only DySViT was saved so.
    kind = read_settings(folder).get("model_type", "dysvit")
    return class_of_type(kind, folder).from_pretrained(folder, **options)
