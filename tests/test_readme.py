import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLES = runpy.run_path(str(ROOT / "benchmarks" / "tables.py"))
README = (ROOT / "README.md").read_text()


def test_the_tables_of_the_readme_are_those_of_the_committed_figures():
    assert TABLES["filled"](README) == README


def test_a_figure_that_is_not_committed_is_found():
    assert TABLES["filled"](README.replace("| blackout | 9", "| blackout | 8")) == README


@pytest.mark.parametrize("name", TABLES["TABLES"])
def test_every_table_that_can_be_drawn_is_shown(name):
    assert f"<!-- table: {name} -->" in README


def test_files_of_figures_that_the_readme_links_to_are_there():
    linked = re.findall(r"\]\((benchmarks/results/[^)]+|docs/images/[^)]+)\)", README)
    assert linked
    assert [path for path in linked if not (ROOT / path).is_file()] == []
