"""The names that commands and configs take, as tables: runs, tiers, memories, costs, ..."""

from collections.abc import Callable, Iterable

from rich.table import Table

from neurosvt.config import Registry
from neurosvt.datasets.prepare import PREPARATIONS
from neurosvt.energy.tables import costs_table
from neurosvt.experiments.checkpoints import Checkpoint, load, shipped_names
from neurosvt.experiments.registry import load_run, run_files, run_summary
from neurosvt.experiments.zoo import BASELINES
from neurosvt.scenes.tiers import TIERS


def _table(title: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    return table


def runs_table() -> Table:
    """Every named run, and what it is for."""
    rows = ((name, run_summary(name)) for name in run_files())
    return _table("What `neurosvt train` takes, beside TOML files.", ("run", "what it is"), rows)


def tiers_table() -> Table:
    """Every tier, and what happens in it."""
    rows = [(name, _first_line(tier.timeline)) for name, tier in TIERS.items()]
    rows.append(("succession", "Several objects, one after the other, each hidden for a while."))
    return _table("What hides the object in made-up scenes.", ("tier", "what happens"), rows)


def memories_table() -> Table:
    """Every memory that is judged beside others, and whose weights it has."""
    rows = ((name, one.label, one.about, one.run) for name, one in BASELINES.items())
    title = "What `neurosvt permanence --memory` takes: rows beside each other."
    return _table(title, ("memory", "shown as", "what it is", "weights of NAME_..."), rows)


def datasets_table() -> Table:
    """Every data set that a named run learns from, and how a download of it is prepared."""
    runs: dict[str, list[str]] = {}
    for name in run_files():
        runs.setdefault(load_run(name).data.dataset, []).append(name)
    rows = (
        (name, f"neurosvt data prepare {name} SOURCE" if name in PREPARATIONS else "",
         ", ".join(runs[name]))
        for name in runs
    )  # fmt: skip
    title = "What runs learn from: how a download is prepared, and which runs take it."
    return _table(title, ("data set", "prepared by", "runs"), rows)


def models_table() -> Table:
    """Every model that the package ships."""
    rows = (
        (one.name, type(one.model).__name__, one.run.data.dataset,
         f"{one.model.parameter_count():,}", f"{one.steps:,}")
        if isinstance(one, Checkpoint)
        else (one, f"`neurosvt hub pull {one}` fetches it", "", "", "")
        for one in map(_if_here, shipped_names())
    )  # fmt: skip
    title = "Trained models that the package ships: what RUN may name."
    return _table(title, ("model", "network", "learnt from", "parameters", "steps"), rows)


NAME_TABLES: Registry[Callable[[], Table]] = Registry(
    "list",
    {
        "runs": runs_table,
        "tiers": tiers_table,
        "memories": memories_table,
        "costs": costs_table,
        "datasets": datasets_table,
        "models": models_table,
    },
)
"""By what is listed; `neurosvt list` prints them."""


def _if_here(name: str) -> Checkpoint | str:
    """A shipped model, or its name where a wheel has left it out and nobody has fetched it."""
    try:
        return load(name)
    except FileNotFoundError:
        return name


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").strip().partition("\n")[0]
