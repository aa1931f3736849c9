"""neurosvt list: the names that other commands take, and what each stands for."""

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("what", choices=list(NAME_TABLES), help="of which kind")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from rich.console import Console

    Console(width=110).print(NAME_TABLES[args.what]())
    return 0


def _table(title: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> "Table":
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    return table


def _runs() -> "Table":
    from neurosvt.experiments.registry import PRESETS

    rows = (
        (name, type(run.model).__name__.removesuffix("Config"), run.data.dataset,
         f"{run.train.steps:,}")
        for name, run in PRESETS.items()
    )  # fmt: skip
    title = "What `neurosvt train` takes, beside TOML files: a model, its data and its steps."
    return _table(title, ("run", "model", "learns from", "steps"), rows)


def _tiers() -> "Table":
    from neurosvt.scenes.tiers import TIERS

    rows = [(name, _first_line(tier.act)) for name, tier in TIERS.items()]
    rows.append(("succession", "Several objects, one after the other, each hidden for a while."))
    return _table("What hides the object in made-up scenes.", ("tier", "what happens"), rows)


def _memories() -> "Table":
    from neurosvt.experiments.zoo import RIVALS

    rows = ((name, rival.member) for name, rival in RIVALS.items())
    title = "What `neurosvt permanence --memory` takes: rows beside each other."
    return _table(title, ("memory", "weights of NAME_..."), rows)


def _costs() -> "Table":
    from neurosvt.energy.tables import costs_table

    return costs_table()


def _datasets() -> "Table":
    from neurosvt.datasets.prepare import PREPARATIONS
    from neurosvt.experiments.registry import PRESETS

    runs: dict[str, list[str]] = {}
    for name, run in PRESETS.items():
        runs.setdefault(run.data.dataset, []).append(name)
    rows = (
        (name, f"neurosvt data prepare {name} SOURCE" if name in PREPARATIONS else "",
         ", ".join(runs[name]))
        for name in runs
    )  # fmt: skip
    title = "What runs learn from: how a download is prepared, and which runs take it."
    return _table(title, ("data set", "prepared by", "runs"), rows)


def _models() -> "Table":
    from neurosvt.experiments.checkpoints import WEIGHTS, load_model

    shipped = (load_model(path.stem) for path in sorted(WEIGHTS.glob("*.safetensors")))
    rows = (
        (one.name, type(one.model).__name__, one.run.data.dataset,
         f"{one.model.parameter_count():,}", f"{one.steps:,}")
        for one in shipped
    )  # fmt: skip
    title = "Trained models that the package ships: what RUN may name."
    return _table(title, ("model", "network", "learnt from", "parameters", "steps"), rows)


NAME_TABLES: dict[str, Callable[[], "Table"]] = {
    "runs": _runs,
    "tiers": _tiers,
    "memories": _memories,
    "costs": _costs,
    "datasets": _datasets,
    "models": _models,
}
"""By the word on the command line."""


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").strip().partition("\n")[0]
