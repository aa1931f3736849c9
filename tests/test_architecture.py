"""Imports flow one way: a new arrow is a decision, made by changing the ladder below."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import neurosvt

LADDER = [
    ["cli"],
    ["demo"],
    ["bench"],
    ["experiments"],
    ["permanence", "classification"],
    ["training"],
    ["loaders", "energy"],
    ["models", "scenes"],
    ["datasets"],
    ["nn", "formats"],
    ["events"],
    ["ops", "results"],
    ["config", "files", "stats"],
    ["native"],
]
"""Rooms from the top down; those on one rung do not know each other."""

RUNG = {room: height for height, rooms in enumerate(LADDER) for room in rooms}
ROOT = Path(neurosvt.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
DOORS = {"__init__", "__main__"}
"""The package's own front doors stand outside the ladder: they only hand on what lies within."""


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).with_suffix("").parts[0]


def imported_rooms(source: str, package: list[str]) -> Iterator[str]:
    """The room of each import of neurosvt in `source`, those inside functions included.

    Args:
        source: Python.
        package: the dotted name of the package around it, split; for relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            outer = package[: len(package) - node.level + 1] if node.level else []
            base = outer + (node.module.split(".") if node.module else [])
            names = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for first, *rest in names:
            if first == "neurosvt" and rest != ["__version__"]:
                yield rest[0] if rest else "__init__"


def fault(source: str, room: str, package: list[str]) -> str | None:
    """What is wrong with the first bad arrow of a file in `room`, or None."""
    if room not in RUNG:
        return f"room {room!r} is on no rung of the ladder"
    for target in imported_rooms(source, package):
        if target == room:
            continue
        if target not in RUNG:
            return f"{room} imports {target!r}, which is on no rung of the ladder"
        if RUNG[target] <= RUNG[room]:
            return f"{room} imports {target}, which is not below it"
    return None


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_flow_down(file):
    if room_of(file) not in DOORS:
        package = ["neurosvt", *file.relative_to(ROOT).parts[:-1]]
        assert fault(file.read_text(), room_of(file), package) is None


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("ops", "from neurosvt.nn.neuron import LIF")(
            "ops", "import neurosvt.config"
        ),  # the same rung
        ("models", "def f():\n    from neurosvt.training import loop"),
        ("nn", "from ..models import neurosvt"),
        ("nn", "from .. import models"),
        ("datasets", "from neurosvt import models"),
        ("datasets", "from neurosvt import NeuroSVT"),  # through the front door
        ("datasets", "import neurosvt"),
        ("training", "import torch, neurosvt.permanence.evaluate"),
        ("attic", "import torch"),
    ],
)
def test_a_bad_arrow_is_seen(room, source):
    """A test that cannot fail proves nothing."""
    assert fault(source, room, ["neurosvt", room]) is not None


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("ops", "import torch\nfrom neurosvt.ops.surrogate import spike"),
        ("ops", "from .surrogate import spike"),
        ("ops", "from . import surrogate"),
        ("nn", "from neurosvt.ops import lif"),
        ("experiments", "from neurosvt.models.neurosvt import NeuroSVT"),
        ("cli", "from neurosvt import __version__"),
        ("cli", "from neurosvt import experiments"),
    ],
)
def test_a_good_arrow_passes(room, source):
    assert fault(source, room, ["neurosvt", room]) is None
