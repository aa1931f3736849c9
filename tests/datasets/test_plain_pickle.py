"""Pickles of strangers are read, and run nothing."""

import contextlib
import os
import pickle
import pickletools

import numpy as np
import pytest

from neurosvt.datasets.plain_pickle import plain_pickle

BATCH = {
    b"data": np.arange(24, dtype=np.uint8).reshape(2, 12), b"labels": [3, 300],
    b"names": ["cat", "dög"], b"batch": (1, None, True, 2.5, ()),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_python_writes_is_read(protocol):
    found = plain_pickle(pickle.dumps(BATCH, protocol))
    assert list(found) == list(BATCH)
    assert (found[b"data"] == BATCH[b"data"]).all()
    assert found[b"data"].dtype == np.uint8
    assert {k: v for k, v in found.items() if k != b"data"} == {
        k: v for k, v in BATCH.items() if k != b"data"
    }


def test_arrays_of_columns_keep_their_order():
    array = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert (plain_pickle(pickle.dumps(array, 2)) == array).all()


def test_texts_of_python_2_are_bytes():
    assert plain_pickle(b"\x80\x02}U\x04data\xc2\x01K\x05s."[:9] + b"K\x05s.") == {b"data": 5}


class Runs:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Runs(), 2),
        pickle.dumps(Runs(), 4),
        pickle.dumps(np.array([Runs()], dtype=object), 2),  # a pointer, to NumPy's own reader
        pickle.dumps(np.arange(3.0), 2),
        pickle.dumps({1, 2}, 4),
        pickle.dumps(BATCH, 2)[:-1],
        pickle.dumps(BATCH, 2)[:40],
        b"\x80\x02t.",
        b"\x80\x02}q\x00K\x01h\x00s.",  # a dict that holds itself
        b"I" + b"9" * 5000 + b"\n.",
        b"",
    ],
)  # fmt: skip
def test_all_else_is_refused(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"\w"):
        plain_pickle(data)
    assert not os.listdir(tmp_path)


def test_an_array_larger_than_its_bytes_is_refused():
    data = pickle.dumps(np.zeros(24, np.uint8), 2)
    assert b"K\x18" in data
    with pytest.raises(ValueError, match="cannot reshape"):
        plain_pickle(data.replace(b"K\x18", b"K\x7f"))


def test_what_stands_in_many_places_is_finished_once():
    nested = [0]
    for _ in range(60):  # 2^60 lists if each were copied
        nested = [nested, nested]
    assert len(plain_pickle(pickle.dumps(nested, 2))) == 2


def test_flipped_bytes_are_refused_or_read():
    rng = np.random.default_rng(0)
    whole = pickle.dumps(BATCH, 2)
    assert sum(1 for _ in pickletools.genops(whole)) > 30
    for _ in range(3000):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            data[at] = rng.integers(256)
        with contextlib.suppress(ValueError):
            plain_pickle(bytes(data))
