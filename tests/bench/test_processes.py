"""What two processes learn from is what one would, and both take part in a step."""

import pytest
import torch

from neurosvt.bench import processes
from neurosvt.config import override
from neurosvt.experiments.registry import run_settings
from neurosvt.experiments.runs import build_run
from tests.tiny_runs import TINY


@pytest.fixture
def tiny(monkeypatch):
    settings = override(run_settings("permanence_stage1"), (f"{k}={v}" for k, v in TINY.items()))
    monkeypatch.setattr(processes, "load_run", lambda name: build_run(settings))
    monkeypatch.setattr(processes, "BATCHES", 1)


def test_shares_are_the_whole_batch(tiny):
    batch = processes.load_run("permanence_stage1").stream()[0]
    shares = [processes.divided(batch, rank, 2) for rank in range(2)]
    for whole, one, two in zip(*(part[:-1] for part in (batch, *shares)), strict=True):
        assert torch.equal(whole[:, 0::2], one)
        assert torch.equal(whole[:, 1::2], two)


def test_threads_are_compared_with_processes_of_one(tiny, monkeypatch):
    monkeypatch.setattr(processes, "processes_step", lambda: lambda: None)
    candidates = list(processes.process_candidates())
    assert [c.name for c in candidates] == [
        "2 processes x 1 thread", "1 process x 2 threads", "1 process x 1 thread",
    ]  # fmt: skip
    candidates[-1].run()
    assert len({(c.what, c.shape, c.dtype) for c in candidates}) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_step_of_two_processes_ends_when_both_have_stepped(tiny, monkeypatch):
    """Forked here, where it knows of the tiny run; a benchmark starts them anew."""
    forked = torch.multiprocessing.get_context("fork")
    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda kind: forked)
    step = processes.processes_step()
    for _ in range(2):
        step()
