"""The API pages show all that is public."""

import re
from importlib import import_module

import pytest

import neurosvt
from tests.docs import pages

DOCUMENTED = re.findall(
    r"^::: (neurosvt[\w.]*)$",
    "\n".join(path.read_text() for path in (pages.DOCS / "api").glob("*.md")),
    re.MULTILINE,
)
PUBLIC = [name for name in neurosvt.__all__ if not name.startswith("__")]


def is_shown(name: str, value: object) -> bool:
    """Whether the page of some module shows it: a module shows what it defines."""
    made = isinstance(value, type) or callable(value)
    for module in DOCUMENTED:
        held = vars(import_module(module)).get(name)
        if held is value and (not made or getattr(value, "__module__", module) == module):
            return True
    return False


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_its_place_on_a_page(name):
    assert is_shown(name, getattr(neurosvt, name))


def test_a_name_that_no_page_shows_is_found():
    assert not is_shown("main", import_module("neurosvt.cli").main)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_first_page_of_the_api_names_it(name):
    assert f"`{name}`" in (pages.DOCS / "api" / "index.md").read_text()
