"""Small files that claim to hold much, or that are no recordings: refused at once."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.formats import read_events

h5py = pytest.importorskip("h5py", reason="needs the extra data")


def with_arrays(path, count, **how):
    with h5py.File(path, "w") as file:
        for name in "txyp":
            file.create_dataset(name, (count,), "u1", **how)
            if how:
                file[name][:1] = 0


@pytest.mark.parametrize(
    ("count", "how", "said"),
    [
        (200_000_000, {"chunks": (100_000_000,), "compression": "gzip"}, "pieces of more than"),
        (200_000_000, {"chunks": (100_000,), "compression": "gzip"}, "hardly a byte is stored"),
        (200_000_000, {}, "hardly a byte is stored"),
    ],
    ids=["large pieces", "nothing written", "no room made"],
)
def test_numbers_that_were_never_written_are_no_events(tmp_path, count, how, said):
    with_arrays(tmp_path / "bomb.h5", count, **how)
    assert (tmp_path / "bomb.h5").stat().st_size < 1 << 20
    with pytest.raises(UserError, match=said):
        read_events(tmp_path / "bomb.h5")


def test_what_packs_well_is_read(tmp_path):
    with h5py.File(tmp_path / "even.h5", "w") as file:
        t = np.arange(300_000)
        columns = {"t": t, "x": t % 100, "y": 0 * t, "p": np.ones(len(t), np.uint8)}
        for name, values in columns.items():
            file.create_dataset(name, data=values, compression="gzip", chunks=(100_000,))
    said = []
    assert len(read_events(tmp_path / "even.h5", said.append).events) == 300_000
    assert len(said) == 2, "sensor and unit are guessed"


@pytest.mark.parametrize(
    "data",
    [bytes(5000), bytes([1, 2, 3, 4, 5]), bytes([0, 0, 0, 0, 1, 9, 9, 0, 0, 2]), b"\x07" * 400],
    ids=["zeros", "one record", "two records", "all the same"],
)
def test_a_few_arbitrary_bytes_are_no_recording(tmp_path, data):
    (tmp_path / "some.bin").write_bytes(data)
    with pytest.raises(UserError):
        read_events(tmp_path / "some.bin")


@pytest.mark.parametrize(
    "head",
    [
        b"% geometry " + b"9" * 5000 + b"x1\n% evt 3.0\n% end\n\0\0\0\0",
        b"% format EVT3;width=" + b"9" * 5000 + b";height=1\n% end\n\0\0\0\0",
        b"% evt 2.0\n% width " + b"9" * 5000 + b"\n% height 1\n% end\n\0\0\0\0",
        b"% evt 2.0\n% system_id " + b"9" * 5000 + b"\n% end\n\0\0\0\0",
        b"9" * 5000 + b" 1\n0.1 1 1 1\n",
    ],
)
def test_numbers_of_thousands_of_digits_are_refused(tmp_path, head):
    (tmp_path / "digits.raw").write_bytes(head)
    with pytest.raises(UserError):
        read_events(tmp_path / "digits.raw")
