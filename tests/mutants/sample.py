"""Draw places of the package, and break each in one way: python tests/mutants/sample.py COUNT FILE.

Runs where cosmic-ray is installed, which the package itself does without:

    uv tool run --from cosmic-ray==8.7.0 python tests/mutants/sample.py 400 build/mutants.json

A place is drawn first and then one of the ways to break it, so an addition, which eleven other
operators could replace, is no likelier than a comparison. Annotations are left whole: a broken one
fails at import, which no test would deserve praise for.
"""

import ast
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

PACKAGE = Path(__file__).parents[2] / "neurosvt"
ROOMS = ("ops", "nn", "engine", "energy", "events", "formats", "permanence")
NEEDS_NAMES = ("core/VariableInserter", "core/VariableReplacer")
"""Operators that would have to be told which variables are meant."""

Span = tuple[tuple[int, int], tuple[int, int]]
"""Line and column of the first character, and of the one after the last."""
Way = tuple[str, int]
"""An operator, and which of its occurrences in the file."""


def ways(source: str) -> dict[Span, list[Way]]:
    """All that can be broken in a file, by place."""
    found: dict[Span, list[Way]] = defaultdict(list)
    nodes, whole = list(ast_nodes(get_ast(source))), list(annotations(source))
    for name in sorted(plugins.operator_names()):
        if name in NEEDS_NAMES:
            continue
        operator, occurrence = plugins.get_operator(name)(), 0
        for node in nodes:
            for start, end in operator.mutation_positions(node):
                if not any(first <= start and end <= last for first, last in whole):
                    found[start, end].append((name, occurrence))
                occurrence += 1
    return found


def annotations(source: str) -> Iterator[Span]:
    """Where types stand."""
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            if (said := getattr(node, name, None)) is not None:
                yield (
                    (said.lineno, said.col_offset),
                    (said.end_lineno, said.end_col_offset),
                )


def sample(count: int, seed: int = 0) -> list[dict[str, str | int]]:
    """So many broken files, each with the line and the operator."""
    files = sorted(file for room in ROOMS for file in (PACKAGE / room).rglob("*.py"))
    sources = {file: file.read_text(encoding="utf-8") for file in files}
    places = [
        (file, span, found) for file in files for span, found in sorted(ways(sources[file]).items())
    ]
    rng = random.Random(seed)
    drawn = []
    for file, ((line, _), _), found in rng.sample(places, count):
        name, occurrence = rng.choice(found)
        drawn.append(
            {
                "file": file.relative_to(PACKAGE.parent).as_posix(),
                "line": line,
                "operator": name.removeprefix("core/"),
                "source": mutate_code(sources[file], plugins.get_operator(name)(), occurrence),
            }
        )
    return drawn


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(sample(int(sys.argv[1])), indent=1), encoding="utf-8")
