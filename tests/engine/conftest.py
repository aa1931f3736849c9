"""What tests of the engine share."""

import pytest

from neurosvt.engine import compute_in
from neurosvt.engine.library import LEVELS, engine_library


@pytest.fixture(params=[None, *LEVELS])
def level(request):
    """The instruction sets that this processor has, and the one that is chosen by itself."""
    try:
        yield compute_in(request.param)
    except ValueError:
        pytest.skip(f"this processor or build has no {request.param}")
    finally:
        if engine_library() is not None:
            compute_in(None)
