"""N-MNIST's official folders, on a made-up data set that has them."""

import shutil

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets import nmnist_import
from neurosvt.datasets.nmnist import NMNIST_SEEN_US, load_nmnist
from neurosvt.datasets.nmnist_import import prepare_nmnist
from neurosvt.events.recording import Recording, pack_events
from neurosvt.formats import read_events, write_events


def digit(number):
    rng = np.random.default_rng(number)
    count = int(rng.integers(20, 60))
    t = np.sort(rng.integers(0, NMNIST_SEEN_US, count))
    x, y = rng.integers(0, 34, (2, count))
    return Recording(pack_events(t, x, y, rng.integers(0, 2, count)), 34, 34)


@pytest.fixture
def source(tmp_path):
    """130 recordings to train with, 30 to test, of all digits in turn."""
    for part, count, base in (("Train", 130, 0), ("Test", 30, 1000)):
        for i in range(count):
            folder = tmp_path / "raw" / part / str(i % 10)
            folder.mkdir(parents=True, exist_ok=True)
            write_events(folder / f"{i + 1:05}.bin", digit(base + i))
    return tmp_path / "raw"


def test_recordings_come_through_in_the_order_of_their_numbers(source, tmp_path):
    assert prepare_nmnist(source, tmp_path / "nmnist")
    train, held, test = (load_nmnist(s, tmp_path) for s in ("train", "validation", "test"))
    assert (len(train), len(held), len(test)) == (30, 100, 30)
    assert train.ids.tolist() == list(range(1, 31))
    assert test.labels.tolist() == [i % 10 for i in range(30)]
    for i in (0, 17, 29):
        np.testing.assert_array_equal(test[i].events, digit(1000 + i).events)
        assert test[i].label == i % 10
    np.testing.assert_array_equal(held[5].events, digit(35).events)


def test_a_second_time_there_is_nothing_to_do(source, tmp_path):
    told = []
    assert prepare_nmnist(source, tmp_path / "nmnist", lambda done, of: told.append((done, of)))
    assert told == [(i, 160) for i in range(1, 161)]
    assert not prepare_nmnist(source, tmp_path / "nmnist")


@pytest.mark.parametrize("at", [1, 130, 131, 159])
def test_stopped_anywhere_it_ends_with_the_same_bytes(source, tmp_path, at):
    def stop(done, of):
        if done == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_nmnist(source, tmp_path / "cut", stop)
    assert prepare_nmnist(source, tmp_path / "cut")
    assert prepare_nmnist(source, tmp_path / "whole")
    one, two = (
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*.npy")}
        for root in (tmp_path / "cut", tmp_path / "whole")
    )
    assert one == two
    assert sorted(p.name for p in (tmp_path / "cut").iterdir()) == ["test", "train"]


def test_what_lies_beyond_the_time_of_a_recording_is_left_out(source, tmp_path):
    late = digit(0)
    late.events["t"][-1] = NMNIST_SEEN_US
    write_events(source / "Train" / "0" / "00001.bin", late)
    prepare_nmnist(source, tmp_path / "nmnist")
    np.testing.assert_array_equal(load_nmnist("train", tmp_path)[0].events, late.events[:-1])


def test_what_is_no_download_is_named(source, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        prepare_nmnist("nowhere", tmp_path / "out")
    (source / "Test" / "3" / "00004.bin").write_bytes(b"\x01\x02\x80")
    with pytest.raises(UserError, match=r"00004\.bin"):
        prepare_nmnist(source, tmp_path / "out")
    write_events(source / "Test" / "3" / "00004.bin", Recording(digit(0).events, 34, 34))
    x = [0] * 8 + [200]
    wide = Recording(pack_events(range(9), x, [1] * 9, [0, 1, 0] * 3), 304, 240)
    write_events(source / "Test" / "3" / "00004.bin", wide)
    with pytest.raises(UserError, match="1 events lie off the sensor"):
        prepare_nmnist(source, tmp_path / "out")
    shutil.rmtree(source / "Test" / "7")
    with pytest.raises(UserError, match=r"7 holds no 00002\.bin, ...; is it N-MNIST\?"):
        prepare_nmnist(source, tmp_path / "out")


def test_a_file_that_is_cut_afterwards_is_named(source, tmp_path):
    prepare_nmnist(source, tmp_path / "nmnist")
    path = tmp_path / "nmnist" / "test" / "x.npy"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match="is damaged"):
        load_nmnist("test", tmp_path)


def test_real_files_read_as_they_do_by_themselves(data_root, tmp_path):
    """The ten files of nmnist_small are named NUMBER_labelDIGIT.bin."""
    real = {}
    for path in sorted((data_root / "nmnist_small" / "bin").glob("*.bin")):
        number = path.stem.split("_label")[0]
        real[int(number)] = path
        for part in ("Train", "Test"):
            for folder in map(str, range(10)):
                (tmp_path / "raw" / part / folder).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, tmp_path / "raw" / part / folder / f"{folder}{number}.bin")
    prepare_nmnist(tmp_path / "raw", tmp_path / "nmnist")
    test = load_nmnist("test", tmp_path)
    assert len(test) == 100
    for index, number in enumerate(test.ids.tolist()):
        events = read_events(real[number % 100_000], str).events
        np.testing.assert_array_equal(test[index].events, events)


def test_recordings_that_are_read_out_of_order_keep_their_places(source, tmp_path, monkeypatch):
    def backwards(do, parts):
        parts = list(parts)
        return ((i, do(parts[i])) for i in reversed(range(len(parts))))

    monkeypatch.setattr(nmnist_import, "PER_SHARE", 40)
    prepare_nmnist(source, tmp_path / "one")
    prepare_nmnist(source, tmp_path / "two", spread=backwards)
    for path in (tmp_path / "one").rglob("*.npy"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()
