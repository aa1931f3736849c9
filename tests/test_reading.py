"""What strangers' files hold is read within bounds, or refused in one line that names the file."""

import io
import json
import zipfile

import numpy as np
import pytest

from neurosvt import reading
from neurosvt.config import ConfigError, UserError
from neurosvt.datasets.mapped import map_array


@pytest.fixture
def written(tmp_path):
    def write(data, name="file"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def test_a_toml_file_is_read_and_a_broken_one_named_with_its_line(written, tmp_path):
    assert reading.read_toml(written('a = 1\n[b]\nc = "é"\n')) == {"a": 1, "b": {"c": "é"}}
    with pytest.raises(ConfigError, match=r"run\.toml is not valid TOML: .*line 1"):
        reading.read_toml(written("name = \n", "run.toml"))
    with pytest.raises(FileNotFoundError):
        reading.read_toml(tmp_path / "none.toml")


@pytest.mark.parametrize("read", [reading.read_toml, reading.read_json], ids=["toml", "json"])
@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", b"a = " + b"[" * 100_000, b"[" * 100_000, b"a = " + b"9" * 5000 + b"\n", b"{"],
    ids=["no text", "deep", "deep list", "long number", "open"],
)
def test_what_no_parser_gets_through_is_a_line(written, read, data):
    with pytest.raises(UserError) as caught:
        read(written(data, "some.file"))
    assert "some.file" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_larger_than_texts_are_is_not_read(written, monkeypatch):
    monkeypatch.setattr(reading, "MOST_TEXT", 8)
    assert reading.read_json(written("[1, 2]")) == [1, 2]
    with pytest.raises(UserError, match="more than the 8 bytes"):
        reading.read_json(written("[1, 2, 3]"))


def test_a_table_is_a_table(written):
    assert reading.read_json_table(written('{"a": 1}')) == {"a": 1}
    with pytest.raises(UserError, match="holds no table"):
        reading.read_json_table(written("[1]"))


def in_memory(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("read", [reading.read_array, map_array], ids=["read", "mapped"])
def test_an_array_is_as_long_as_its_file(written, read):
    data = in_memory(np.arange(6))
    np.testing.assert_array_equal(read(written(data)), np.arange(6))
    long = data.replace(b"(6,), ", b"(9**9,), ".replace(b"9**9", b"999"))
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    for damaged in (data[:-1], long, data[:30], b"", b"text", pickled.getvalue()):
        with pytest.raises(UserError, match=r"file is no array, or damaged \(.+\)$"):
            read(written(damaged))


def archive(written, **files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(f"{name}.npy", data)
    return written(stream.getvalue())


def test_an_archive_gives_its_arrays_by_name(written):
    found = reading.read_arrays(archive(written, a=in_memory(np.ones(2)), b=in_memory(np.int8(3))))
    assert json.dumps({name: array.tolist() for name, array in found.items()}) == (
        '{"a": [1.0, 1.0], "b": 3}'
    )


def test_an_archive_that_would_unpack_to_much_more_is_not_unpacked(written, monkeypatch):
    even = archive(written, a=in_memory(np.zeros(1 << 20)))
    assert len(reading.read_arrays(even)["a"]) == 1 << 20, "what is small may be packed as it likes"
    monkeypatch.setattr(reading, "ROOM", 1 << 16)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(UserError, match="would unpack to 8,388,736"):
        reading.read_arrays(even)


def test_an_entry_that_states_more_than_it_holds_is_refused_before_room_is_made(written):
    data = in_memory(np.arange(6)).replace(b"(6,), ", b"(999999999999,), ")
    head = len(data) - 6 * 8
    data = data[:8] + (head - 10).to_bytes(2, "little") + data[10:]
    with pytest.raises(UserError, match="states 7,999,999,999,992 bytes, and has 48"):
        reading.read_arrays(archive(written, a=data))


def test_what_is_no_archive_is_a_line(written):
    for data in (b"", b"PK", b"PK\3\4" + bytes(60)):
        with pytest.raises(UserError, match=r"file: not a readable npz file, or damaged \(.+\)$"):
            reading.read_arrays(written(data))
