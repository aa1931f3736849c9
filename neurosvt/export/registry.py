"""What a trained model can be written as, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosvt.config import Registry, UserError
from neurosvt.export.c import export_c
from neurosvt.export.nir import export_nir
from neurosvt.export.onnx import export_onnx


@dataclass(frozen=True)
class Exporter:
    """A form that models can be written in."""

    write: Callable[..., Sequence[Path]]
    """`write(model, folder, **options)` writes files into a folder, and says which."""
    options: tuple[str, ...] = ()
    """The options that it takes."""


EXPORTS: Registry[Exporter] = Registry(
    "export",
    {
        "nir": Exporter(export_nir),
        "onnx": Exporter(export_onnx),
        "c": Exporter(export_c, options=("bits",)),
    },
)
"""By what `neurosvt export --to` takes."""


def export_model(model: Any, to: str, folder: str | Path, **options: Any) -> list[Path]:
    """Write a model into a folder, in a form of `EXPORTS`; the files that were written.

    Args:
        model: trained, in eval mode.
        to: a key of `EXPORTS`.
        folder: made where it is not there.
        options: as that exporter takes them.

    Raises:
        UserError: no such form, an option that it does not take, or a model that has no such form.
    """
    exporter = EXPORTS[to]
    for name in options:
        if name not in exporter.options:
            raise UserError(f"--{name} is not for --to {to}")
    return list(exporter.write(model, Path(folder), **options))
