"""Named runs: TOML files, those that the package brings and those of one's own.

A folder of recordings or images that `neurosvt data prepare` made stands for a run as well.

A file may say `extends = "NAME"` or `extends = "FILE.toml"`: what it does not say is as there. A
table that names another `kind` than the one it extends starts from that kind's defaults.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from neurosvt.config import ConfigError, Registry
from neurosvt.experiments.own_data import for_folder, is_prepared, template_of
from neurosvt.experiments.runs import Run, build_run
from neurosvt.reading import read_toml

CONFIGS = Path(str(files("neurosvt.experiments") / "configs"))
"""Where the package keeps its runs."""


def run_files() -> Registry[Path]:
    """The runs that the package brings: name to file."""
    return Registry("run", {path.stem: path for path in sorted(CONFIGS.glob("*.toml"))})


def load_run(name: str) -> Run:
    """A run that the package brings, or the one that a TOML file describes.

    Raises:
        UserError: no run of that name, or a file with a wrong setting.
        FileNotFoundError: no such file.
    """
    return build_run(run_settings(name))


def run_settings(name: str) -> dict[str, Any]:
    """The plain settings of a named run, of a file, or of one for a prepared folder; those that
    it extends are included.

    Raises:
        UserError, FileNotFoundError: as `load_run`.
    """
    return _named(name, ())


def run_summary(name: str) -> str:
    """What a run is for: the first line of its file, without its command."""
    lines = run_files()[name].read_text(encoding="utf-8").splitlines()
    return lines[0].removeprefix("# ")


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`, table by table; another `kind` takes nothing from the table before.

    >>> merge({"memory": {"kind": "leaky", "channels": 8}}, {"memory": {"channels": 16}})
    {'memory': {'kind': 'leaky', 'channels': 16}}
    >>> merge({"memory": {"kind": "leaky", "channels": 8}}, {"memory": {"kind": "none"}})
    {'memory': {'kind': 'none'}}
    """
    merged = dict(base)
    for name, value in changes.items():
        own = merged.get(name)
        both = isinstance(own, Mapping) and isinstance(value, Mapping)
        kept = both and ("kind" not in value or value["kind"] == own.get("kind"))  # type: ignore[union-attr]
        merged[name] = merge(own, value) if kept else value  # type: ignore[arg-type]
    return merged


def _file(name: str, beside: Path | None = None) -> Path:
    if not name.endswith(".toml"):
        return run_files()[name]
    path = Path(name)
    return path if beside is None or path.is_absolute() else beside / path


def _named(name: str, within: tuple[Path, ...], beside: Path | None = None) -> dict[str, Any]:
    if is_prepared(name):
        return for_folder(_settings(template_of(name), within), name)
    return _settings(_file(name, beside), within)


def _settings(path: Path, within: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in within:
        raise ConfigError(f"{path} extends itself")
    values = read_toml(path)
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"{path}: extends must be the name of a run or a file; got {base!r}")
    return merge(_named(base, (*within, path.resolve()), path.parent), values)
