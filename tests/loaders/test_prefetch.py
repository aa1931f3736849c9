import sys
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from neurosvt.loaders import prefetch
from neurosvt.loaders.occlusions import OcclusionConfig, SceneStream
from neurosvt.loaders.prefetch import ahead
from tests.processes import exit_codes, needs_fork


def short_stream(steps=5):
    config = OcclusionConfig(seen=(2, 4), hidden=(3, 9), after=2)
    return SceneStream(config, 2, steps, 0, size=32)


class Mixed(NamedTuple):
    odd: torch.Tensor
    number: float
    turned: torch.Tensor


class MixedStream(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        drawn = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(index))
        return Mixed(drawn < 0.5, 1.5 * index, (drawn < 0.2).mT)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("start", [0, 3])
def test_workers_change_neither_the_batches_nor_their_order(start, workers):
    stream = short_stream()
    expected = [stream[i] for i in range(start, 5)]
    made = list(ahead(stream, start, workers))
    assert len(made) == len(expected)
    for batch, parts in zip(made, expected, strict=True):
        assert batch.frame_ms == parts.frame_ms
        for one, other in zip(batch[:-1], parts[:-1], strict=True):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_comes_as_it_was_made(workers):
    stream = MixedStream()
    for index, batch in enumerate(ahead(stream, 0, workers)):
        assert isinstance(batch, Mixed)
        assert batch.odd.dtype == torch.bool
        assert torch.equal(batch.odd, stream[index].odd)
        assert torch.equal(batch.turned, stream[index].turned)
        assert batch.number == 1.5 * index
        batch.odd[:] = True  # memory of its own


def test_a_stream_that_was_read_to_its_end_is_empty():
    assert list(ahead(short_stream(), 5, workers=0)) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_making_batches_leaves_the_random_state_of_training_alone(workers):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    list(ahead(short_stream(steps=2), 0, workers))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


class TestEnds:
    pytestmark = needs_fork

    def test_workers_end_with_a_training_that_fails(self):
        """While what it waits for is still held by the traceback."""

        def fail(rank):
            batches = ahead(short_stream(), 0)
            next(batches)
            raise SystemExit(3)

        assert exit_codes(fail, 1) == [3]

    def test_processes_get_their_parts_of_every_batch(self, monkeypatch):
        monkeypatch.setattr(prefetch, "processes", lambda: 2)
        for rank in range(2):
            monkeypatch.setattr(prefetch, "rank", lambda rank=rank: rank)
            parts = list(ahead(short_stream(), 3, workers=0))
            assert [part.label.shape[1] for part in parts] == [1, 1]
            for part, whole in zip(parts, map(short_stream().__getitem__, (3, 4)), strict=True):
                assert torch.equal(part.frames, whole.frames[:, rank::2])


class Hooked(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return (float(sys.excepthook is prefetch._told),)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionResetError("by peer"), ""),
        (EOFError(), ""),
        (ValueError("broken"), "ValueError: broken"),
    ],
    ids=["reset", "at an end", "a fault"],
)
def test_a_worker_whose_trainer_was_killed_prints_no_traceback(error, said, capsys):
    assert list(ahead(Hooked(), 0, workers=1)) == [(1.0,)]
    prefetch._told(type(error), error, None)
    assert capsys.readouterr().err.strip() == said
