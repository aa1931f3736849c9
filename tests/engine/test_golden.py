import json

import numpy as np
import pytest

from neurosvt.experiments.checkpoints import shipped_names
from tests.engine.golden import FILE, TOLERANCE, answers

GOLDEN = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_model_says_what_it_said(name):
    """Should weights be others: `python -m tests.engine.golden`, and look at what changes."""
    said = answers(name)
    assert np.shape(said) == np.shape(GOLDEN[name])
    assert np.abs(np.subtract(said, GOLDEN[name])).max() <= TOLERANCE


def test_every_file_of_weights_is_held():
    assert sorted(GOLDEN) == shipped_names()
