"""Parts of work done here, and by workers of a Ray of two that are killed on the way."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from neurosvt.config import UserError
from neurosvt.permanence import SceneTask
from neurosvt.permanence.suite import Suite, run_suite, suite_parts
from neurosvt.results.entrant import Entrant
from neurosvt.scenes.scenes import SceneConfig
from neurosvt.spread import in_order, one_by_one, spread_over
from tests.permanence.toys import Toy

with_ray = pytest.mark.xdist_group("ray")


def squared(number: int) -> int:
    return number**2


def refused(number: int) -> int:
    raise UserError(f"{number} is no number for this")


def variable_and_folder(name: str) -> tuple[str | None, str]:
    return os.environ.get(name), os.getcwd()


def killed_once(marks: Path, number: int) -> int:
    """Its worker dies where nobody has been yet."""
    mark = marks / str(number)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def always_killed(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class KilledOnce(Toy):
    """A model whose worker dies at the first frame that it sees."""

    def __init__(self, mark: Path, here: int):
        super().__init__()
        self.mark, self.here = mark, here

    def forward(self, *args, **options):
        if os.getpid() != self.here and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(*args, **options)


def test_without_an_address_parts_are_done_here_one_after_another():
    with spread_over(None) as spread:
        assert list(spread(squared, iter([3, 1, 2]))) == [(0, 9), (1, 1), (2, 4)]


def test_outcomes_that_come_early_wait_for_their_turn():
    assert list(in_order([(2, "c"), (0, "a"), (3, "d"), (1, "b")])) == ["a", "b", "c", "d"]


def test_a_missing_ray_is_named_with_what_would_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    refusal = pytest.raises(UserError, match=r"--ray needs Ray: pip install 'neurosvt\[ray\]'")
    with refusal, spread_over("local"):
        pass


@with_ray
@pytest.mark.slow  # starts workers
def test_workers_do_every_part_once(two_workers):
    with spread_over("local") as spread:
        assert sorted(spread(squared, range(20))) == [(n, n**2) for n in range(20)]


@with_ray
@pytest.mark.slow  # starts workers
def test_workers_are_where_their_caller_is(two_workers, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROSVT_DATA", "elsewhere")
    monkeypatch.chdir(tmp_path)
    with spread_over("local") as spread:
        told = [found for _, found in spread(variable_and_folder, ["NEUROSVT_DATA"])]
    assert told == [("elsewhere", str(tmp_path))]


@with_ray
@pytest.mark.slow  # starts workers
def test_what_a_part_refuses_is_told_as_it_would_be_here(two_workers):
    with spread_over("local") as spread, pytest.raises(UserError) as told:
        list(spread(refused, [7]))
    assert str(told.value) == "7 is no number for this"


@with_ray
@pytest.mark.slow
def test_a_part_whose_worker_is_killed_is_done_by_another(two_workers, tmp_path):
    with spread_over("local") as spread:
        assert sorted(spread(partial(killed_once, tmp_path), range(3))) == [(0, 0), (1, 1), (2, 2)]


@with_ray
@pytest.mark.slow
def test_a_part_that_kills_every_worker_is_given_up_in_a_line(two_workers):
    with (
        spread_over("local") as spread,
        pytest.raises(UserError, match="a worker died at the same"),
    ):
        list(spread(always_killed, [1]))


@with_ray
@pytest.mark.slow
def test_a_suite_over_workers_one_of_them_killed_ends_with_the_same_rows(two_workers, tmp_path):
    tiers = ("blackout", "curtain", "tunnel")
    task = SceneTask("test", seen=4, scene=SceneConfig(size=32), tiers=tiers)

    def judged(folder, spread):
        model = KilledOnce(tmp_path / "mark", os.getpid())
        entrants = [Entrant("ours", model), Entrant("b", Toy(1))]
        result = run_suite(suite_parts(Suite((3, 5), 4), entrants, task), folder, spread=spread)
        return result.rows()

    here = judged(tmp_path / "here", one_by_one)
    with spread_over("local") as spread:
        assert judged(tmp_path / "workers", spread) == here
    assert (tmp_path / "mark").exists(), "no worker was killed"
