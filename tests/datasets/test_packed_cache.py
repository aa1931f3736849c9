import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.datasets.packed_cache import Builder, load_cache

SETTINGS = {"frames": 3, "width": 13, "order": (1, 2)}


def sample(seed, count=4):
    rng = np.random.default_rng(seed)
    return rng.random((count, 3, 2, 5, 13)) < 0.2, rng.integers(0, 7, count)


def built(folder, upto=3):
    builder = Builder(folder, SETTINGS)
    for part in range(upto):
        if not builder.has(f"part{part}"):
            builder.add(f"part{part}", *sample(part))
    return builder


@pytest.fixture
def cache(tmp_path):
    built(tmp_path / "cache").finish({"train": ["part2", "part0"], "test": ["part1"]})
    return tmp_path / "cache"


@pytest.mark.parametrize("in_memory", [True, False])
def test_frames_come_back_as_they_went_in(cache, in_memory):
    train, test = (load_cache(cache, split, in_memory=in_memory) for split in ("train", "test"))
    expected = [np.concatenate([sample(2)[i], sample(0)[i]]) for i in (0, 1)]
    np.testing.assert_array_equal(train.frames(np.arange(8)), expected[0])
    np.testing.assert_array_equal(train.labels, expected[1])
    np.testing.assert_array_equal(test.frames(1), sample(1)[0][1])
    assert (len(train), len(test)) == (8, 4)
    assert train.frames([0, 3]).shape == (2, 3, 2, 5, 13)
    assert isinstance(train.packed, np.memmap) != in_memory


def test_what_is_kept_is_a_bit_a_pixel(cache):
    assert load_cache(cache, "train").packed.nbytes == 8 * 3 * 2 * 5 * 2  # 13 pixels: two bytes


def test_interrupted_work_goes_on_and_ends_with_the_same_bytes(cache, tmp_path):
    built(tmp_path / "other", upto=2)
    assert not Builder(tmp_path / "other", SETTINGS).finished()
    built(tmp_path / "other").finish({"train": ["part2", "part0"], "test": ["part1"]})
    one, two = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (cache, tmp_path / "other")
    )
    assert one == two
    assert sorted(one) == [
        "frames_test.npy", "frames_train.npy", "labels_test.npy", "labels_train.npy",
        "manifest.json",
    ]  # fmt: skip


def test_what_was_left_behind_at_the_end_is_removed(cache):
    (cache / "parts").mkdir()
    assert Builder(cache, SETTINGS).finished()
    assert not (cache / "parts").exists()


@pytest.mark.parametrize("damage", ["missing", "changed", "cut"])
def test_a_cache_that_is_not_whole_is_not_finished(cache, damage):
    path = cache / "frames_test.npy"
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        data[-1] ^= 1
        path.write_bytes(data if damage == "changed" else data[:-1])
    assert not Builder(cache, SETTINGS).finished()
    if damage != "changed":  # which only a hash can see
        with pytest.raises(
            UserError, match=r"frames_test\.npy is missing or cut; prepare it again"
        ):
            load_cache(cache, "test")


@pytest.mark.parametrize("finished", [True, False])
def test_frames_that_were_made_otherwise_are_not_mixed_in(finished, cache, tmp_path):
    folder = cache if finished else tmp_path / "begun"
    if not finished:
        built(folder, upto=1)
    with pytest.raises(UserError, match=r"made otherwise \(frames is 3 there, 4 here\)"):
        Builder(folder, SETTINGS | {"frames": 4})


def test_what_is_not_there_is_named(cache, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none holds no finished cache \(there is no man"):
        load_cache(tmp_path / "none", "train")
    with pytest.raises(UserError, match="holds no split 'validation'"):
        load_cache(cache, "validation")
    (cache / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json is damaged"):
        load_cache(cache, "train")
