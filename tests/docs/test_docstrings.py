"""Docstrings describe the parameters that there are."""

import ast
import re

import pytest

from tests.docs import pages

MODULES = sorted((pages.ROOT / "neurosvt").rglob("*.py"))
SECTION = re.compile(r"^Args:\n((?:    .*\n|\n)+)", re.MULTILINE)


def strangers(source: str) -> list[str]:
    """Parameters that a docstring describes and the signature does not have."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            known = _parameters_of_class(node)
        elif isinstance(node, ast.FunctionDef):
            known = _parameters(node)
        else:
            continue
        section = SECTION.search((ast.get_docstring(node) or "") + "\n")
        for names in re.findall(
            r"^    (\w+(?:, \w+)*):", section[1] if section else "", re.MULTILINE
        ):
            alien = {name.strip() for name in names.split(",")} - known - {"others"}
            found += [f"{node.name}: {name}" for name in sorted(alien)]
    return found


def _parameters(node: ast.FunctionDef) -> set[str]:
    a = node.args
    rest = [each for each in (a.vararg, a.kwarg) if each]
    return {each.arg for each in (*a.posonlyargs, *a.args, *a.kwonlyargs, *rest)}


def _parameters_of_class(node: ast.ClassDef) -> set[str]:
    """Of its constructor and, where a dataclass has none, its fields."""
    own = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    fields = {
        n.target.id
        for n in node.body
        if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    }
    made = set().union(*(_parameters(own[name]) for name in ("__init__", "__new__") if name in own))
    return fields | made


@pytest.mark.parametrize("path", MODULES, ids=pages.named)
def test_a_docstring_describes_no_parameter_that_is_gone(path):
    assert strangers(path.read_text()) == []


def test_one_that_is_gone_is_found():
    source = 'def f(a, b):\n    """Do.\n\n    Args:\n        a: one.\n        c: gone.\n    """\n'
    assert strangers(source) == ["f: c"]
