import runpy
from pathlib import Path

import pytest

from neurosvt.scenes import TIERS

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(path, capsys):
    shipped = dict(TIERS)
    runpy.run_path(str(path))
    for added in TIERS.keys() - shipped.keys():  # other tests know nothing of it
        del TIERS[added]
    assert capsys.readouterr().out
