"""The kernels for GPUs, without one."""

import pytest

from tests.native.cuda_shim import COMPILER, ShimLaunch, on_shim


@pytest.fixture
def shim():
    """Until the end of the test, ops take CPU tensors for tensors on a GPU, and the shim for it."""
    if COMPILER is None:
        pytest.skip("the shim wants g++")
    with on_shim(ShimLaunch()) as launch:
        yield launch
