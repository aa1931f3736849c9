import pickle

import numpy as np
import pytest

from neurosvt.datasets.mapped import Mapped, map_array


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "numbers.npy", np.arange(70_000).reshape(7, 10_000))
    return map_array(tmp_path / "numbers.npy")


def test_another_process_gets_the_file_and_not_its_bytes(mapped):
    for array in (mapped, mapped.reshape(7, 100, 100)):
        sent = pickle.dumps(array)
        assert len(sent) < 1000 < array.nbytes
        again = pickle.loads(sent)
        assert isinstance(again, Mapped)
        assert again.shape == array.shape
        assert np.array_equal(again, array)
        assert not again.flags.writeable


@pytest.mark.parametrize("part", [np.s_[1:3], np.s_[:, 5], np.s_[::2], np.s_[0]], ids=str)
def test_a_part_of_it_comes_as_it_is(mapped, part):
    again = pickle.loads(pickle.dumps(mapped[part]))
    assert np.array_equal(again, mapped[part])
    assert not isinstance(again, np.memmap)


def test_what_is_turned_or_counted_is_no_file_any_more(mapped):
    for array in (mapped.T, mapped + 1):
        again = pickle.loads(pickle.dumps(array))
        assert np.array_equal(again, array)
