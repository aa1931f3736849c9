"""Calls that were recorded and made again leave the same memory, and what differs is found."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from neurosvt.engine.library import engine_library

ROOT = Path(__file__).parent.parent.parent
sys.path.append(str(ROOT / "benchmarks"))

import arm  # noqa: E402

needs = pytest.mark.skipif(
    engine_library() is None or not shutil.which("g++"), reason="nothing is compiled here"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    made = tmp_path_factory.mktemp("arm") / "program"
    subprocess.run(
        ["g++", "-std=c++17", "-O1", arm.HERE / "arm.cpp", "-o", made, "-ldl"], check=True
    )
    return made


@needs
@pytest.mark.parametrize("weights", ["int16", "float32"])
def test_a_film_that_is_made_again_leaves_the_same(weights, program, tmp_path):
    library = Path(engine_library()._name)
    trace = arm.film_trace("permanence", weights, 0.1)
    assert not arm.differing(trace, tmp_path, library, program, ())
    named = {region.name: region for region in trace.regions}
    assert named["charge"].before != named["charge"].after
    wrong = trace.calls[-1]
    trace.calls.append(wrong)  # a step more
    assert set(arm.differing(trace, tmp_path, library, program, ())) >= {"charge", "counts"}


@needs
def test_kernels_that_are_called_again_leave_the_same(program, tmp_path):
    library = Path(engine_library()._name)
    trace = arm.kernel_trace(40)
    assert len({door for door, *_ in trace.calls}) > 12
    assert not arm.differing(trace, tmp_path, library, program, ())
    at = next(i for i, one in enumerate(trace.regions) if one.before != one.after)
    trace.regions[at] = replace(trace.regions[at], after=trace.regions[at].before)
    assert arm.differing(trace, tmp_path, library, program, ())
