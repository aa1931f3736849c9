"""A little of what `python -m tests.faults.trials` does at length."""

import time

import pytest

from tests.faults.courses import COURSES, Course, files_of, short_recording
from tests.faults.harms import all_imported
from tests.faults.trials import kinds, run
from tests.processes import needs_fork

pytestmark = needs_fork


@pytest.fixture(autouse=True)
def data_folder(monkeypatch):
    """Which a trial sets, and which is to be as it was."""
    monkeypatch.setenv("NEUROSVT_DATA", "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convert", "stream"])
def test_disturbed_at_any_moment_work_comes_to_the_same_end(name):
    all_imported()
    told = run(COURSES[name], len(kinds()), seed=0)
    assert set(told.harms) == set(kinds())
    assert not told.wrong


def test_a_folder_that_others_own_is_refused_in_a_line():
    told = run(COURSES["convert"], len(kinds()), seed=1)
    assert told.refused["read-only folder"] == 1


@pytest.mark.parametrize("fault", ["another end", "half written", "no command"])
def test_what_is_wrong_is_noticed(fault):
    def words(inputs, out):
        kind = (
            ["convrt"]
            if fault == "no command"
            and (inputs / "cup.npz").is_file()
            and any(out.parent.glob("whole/*"))
            else ["convert"]
        )
        return ["data", *kind, str(inputs / "cup.npz"), str(out / "cup.dat")]

    course = Course(
        words,
        (lambda out: {"at": time.time()}) if fault == "another end" else files_of,
        make=short_recording,
        half=lambda out, whole: "half" if fault == "half written" else "",
    )
    assert run(course, 2, seed=0).wrong
