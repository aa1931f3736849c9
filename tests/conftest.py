"""What every test may rely on: a fixed seed, one thread, and the data folder where there is one."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch starts its threads; see Makefile

import numpy as np
import pytest
import torch
from hypothesis import settings

# The first example pays for imports and allocations, so a deadline would fail at random.
# Derandomised: a failure found in CI is one that the author can see as well.
settings.register_profile("neurosvt", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("neurosvt")


@pytest.fixture(autouse=True)
def seed() -> int:
    """Every test starts from the same random state, alone or among others."""
    torch.manual_seed(0)
    np.random.seed(0)
    return 0


@pytest.fixture
def data_root() -> Path:
    """The folder that holds the real recordings."""
    value = os.environ.get("NEUROSVT_DATA")
    if not value:
        pytest.skip("NEUROSVT_DATA is not set, so there are no real recordings to test with")
    root = Path(value)
    # A wrong path is a mistake, and skipping would hide it.
    assert root.is_dir(), f"NEUROSVT_DATA={value} is not a folder"
    return root
