import re
from pathlib import Path

import pytest

from neurosvt.experiments.registry import PRESETS, run_named

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_opens_with_its_command_and_describes_that_run(path):
    command = re.match(r"# neurosvt train (\w+) ", path.read_text())
    assert command, path
    assert run_named(str(path)) == PRESETS[command[1]]


def test_a_config_says_how_to_train_from_itself():
    for path in CONFIGS:
        assert f"(or: neurosvt train configs/{path.name})" in path.read_text().splitlines()[0]
