from pathlib import Path

import pytest

from neurosvt.presets import PRESETS, run_named

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_describes_the_preset_of_its_name(path):
    assert run_named(str(path)) == PRESETS[path.stem]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_opens_with_its_command(path):
    assert path.read_text().startswith(f"# neurosvt train {path.stem}")
