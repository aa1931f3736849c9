"""Imports flow one way: a new arrow is a decision, made by changing the ladder below."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import neurosvt

LADDER = [
    ["cli"],
    ["app", "demo", "report"],
    ["bench"],
    ["live", "export"],
    ["experiments"],
    ["permanence", "classification"],
    ["training"],
    ["engine"],
    ["loaders", "energy"],
    ["models", "scenes"],
    ["datasets"],
    ["nn", "formats"],
    ["events"],
    ["ops", "pages", "pictures", "results", "spread"],
    ["reading"],
    ["config", "files", "presence", "sides", "stats"],
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
        ("ops", "from neurosvt.nn.neuron import LIF"),
        ("scenes", "import neurosvt.models.neurosvt"),  # the same rung
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


# The house as a whole.


LINES = {file: len(file.read_text().splitlines()) for file in FILES}


def test_no_room_is_a_hall():
    sizes: Counter[str] = Counter()
    for file, lines in LINES.items():
        sizes[room_of(file)] += lines
    room, largest = sizes.most_common(1)[0]
    assert largest <= 0.12 * sizes.total(), f"{room} has {largest} of {sizes.total()} lines"


def test_files_are_short():
    assert {str(f.relative_to(ROOT)): n for f, n in LINES.items() if n > 300} == {}


def test_the_command_line_is_arguments_and_calls():
    """What is longer belongs into a room below."""
    assert sum(lines for file, lines in LINES.items() if room_of(file) == "cli") <= 1440


def test_there_is_no_cycle():
    """Of modules, not only of rooms; imports inside functions count."""
    arrows = {name: set(_imported_modules(file)) for name, file in MODULES.items()}
    done: set[str] = set()
    for name in arrows:
        _walk(name, arrows, (), done)


def _walk(name: str, arrows: dict[str, set[str]], way: tuple[str, ...], done: set[str]) -> None:
    assert name not in way, " -> ".join((*way[way.index(name) :], name))
    if name not in done:
        for target in sorted(arrows[name]):
            _walk(target, arrows, (*way, name), done)
        done.add(name)


def _module_name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module_name(file): file for file in FILES}


def _imported_modules(file: Path) -> Iterator[str]:
    if file == ROOT / "__init__.py":
        return  # the front door, which hands on what lies within
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                target = inner if inner in MODULES else node.module
                if target in MODULES and target != _module_name(file):
                    yield target


PROTOCOLS = {
    "cli": {"add_arguments", "run"},
    "formats": {"NAME", "ENDING", "MAGIC", "decode", "recognises", "open_source", "write"},
}
"""Names that every file of a room defines on purpose, because it is one of many."""

STANDALONE = ROOT / "models" / "dysvit_standalone.py"
"""A file that is handed out by itself, and has to bring all that it needs."""


def test_a_public_name_has_one_meaning():
    homes: dict[str, list[str]] = {}
    for file in FILES:
        if file in (STANDALONE, ROOT / "__init__.py"):
            continue
        for name in _defined(file):
            if name not in PROTOCOLS.get(room_of(file), ()):
                homes.setdefault(name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def _defined(file: Path) -> Iterator[str]:
    """The public names that a file defines at its top."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            continue
        yield from (n for n in dict.fromkeys(names) if not n.startswith("_") and len(n) > 1)


def test_the_front_door_is_light():
    """`import neurosvt` brings no torch, and takes less than 0.2 s of CPU."""
    code = (
        "import sys, time; begun = time.process_time(); import neurosvt; "
        "print(time.process_time() - begun, 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, torch, numpy = done.stdout.split()
    assert float(seconds) < 0.2
    assert (torch, numpy) == ("False", "False")


@pytest.mark.parametrize("name", neurosvt.__all__)
def test_a_public_name_is_there_and_says_what_it_is(name):
    found = getattr(neurosvt, name)
    assert name in dir(neurosvt)
    if callable(found):
        assert found.__doc__


def test_what_is_not_public_is_told():
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        neurosvt.laod  # noqa: B018
