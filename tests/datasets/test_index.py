"""Indexes and folders that say what recordings show."""

import json

import pytest

from neurosvt.config import UserError
from neurosvt.datasets.index import read_index


@pytest.fixture
def place(tmp_path):
    for name in ("a.raw", "b.raw", "c.raw", "a.txt"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def index_of(place, text, name="index.csv"):
    (place / name).write_text(text)
    return read_index(place / name)


def test_a_table_says_what_is_shown_when_and_where(place):
    text = (
        "recording,class,from,to,session,split,hidden,boxes,track,fps,x,y,sensor\n"
        "a.raw,cup,0.5,12,monday,train,3.2-4.8;7-9,a.txt,3,30,,,\n"
        "b.raw,pen,,,tuesday,Train,,,,,10,20,346x260\n"
        "\n"
    )
    cup, pen = index_of(place, text)
    assert (cup.recording, cup.label, cup.from_s, cup.to_s) == (place / "a.raw", "cup", 0.5, 12)
    assert (cup.hidden, cup.boxes, cup.track) == (((3.2, 4.8), (7, 9)), place / "a.txt", 3)
    assert (cup.fps, cup.split, cup.at) == (30, "train", None)
    assert (pen.split, pen.at, pen.to_s) == ("train", (10, 20), None)
    assert pen.reading.sensor == (346, 260)


def test_json_says_the_same(place):
    rows = [
        {"recording": "a.raw", "class": "cup", "to": 4, "hidden": [[1, 2]]},
        {"recording": "b.raw", "class": "pen"},
    ]
    cup, _ = index_of(place, json.dumps(rows), "index.json")
    assert (cup.to_s, cup.hidden) == (4, ((1, 2),))


def test_a_folder_per_class_says_it_by_itself(tmp_path):
    for name in ("cup/1.raw", "cup/2.raw", "pen/1.dat"):
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_bytes(b"x")
    assert [(e.label, e.split) for e in read_index(tmp_path / "plain")] == [
        ("cup", ""), ("cup", ""), ("pen", ""),
    ]  # fmt: skip
    for name in ("train/cup/1.raw", "val/cup/2.raw", "Test/cup/3.dat"):
        (tmp_path / "parts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "parts" / name).write_bytes(b"x")
    parts = [e.split for e in read_index(tmp_path / "parts")]
    assert sorted(parts) == ["test", "train", "validation"]
    (tmp_path / "parts" / "more").mkdir()
    with pytest.raises(UserError, match="and more, which is none"):
        read_index(tmp_path / "parts")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no folder per class"):
        read_index(tmp_path / "empty")


HEAD = "recording,class,from,to,session,split,hidden\n"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("recording,clas\na.raw,cup\n", "column 'clas' is unknown; did you mean 'class'"),
        ("recording\na.raw\n", "no column 'class'"),
        ("recording,class,class\na.raw,cup,cup\n", "comes twice"),
        ("recording,class\na.raw,cup,more\n", "line 2: not as many columns"),
        ("recording,class\na.raw,\n", "line 2: recording and class are needed"),
        ("recording,class\nnone.raw,cup\n", "none.raw is missing"),
        (HEAD + "a.raw,cup,x,,,,\n", "from must be a number, got 'x'"),
        (HEAD + "a.raw,cup,4,3,,,\n", "from 4 to 3 holds nothing"),
        (HEAD + "a.raw,cup,,,,half,\n", "split 'half' is none of"),
        (HEAD + "a.raw,cup,,,,,2-1\n", "hidden 2-1 does not rise"),
        (HEAD + "a.raw,cup,,,,,1\n", "hidden must be spans"),
        (HEAD + "a.raw,cup,1,5,,,0-2\n", "hidden 0-2 lies outside"),
        (HEAD + "a.raw,cup,0,5,,,\na.raw,pen,4,9,,,\n", "line 3: a.raw overlaps with what line 2"),
        (HEAD + "a.raw,cup,,,,,\na.raw,pen,4,9,,,\n", "overlaps"),
        (
            HEAD + "a.raw,cup,,,one,train,\nb.raw,cup,,,one,test,\n",
            "session one is in train and in",
        ),
        (
            HEAD + "a.raw,cup,,,,train,\nb.raw,pen,,,,test,\n",
            "class pen is in no recording of train",
        ),
        ("recording,class,x\na.raw,cup,3\n", "x and y belong together"),
        ("recording,class,sensor\na.raw,cup,wide\n", "sensor must be WxH, got 'wide'"),
        ("recording,class,unit\na.raw,cup,h\n", "line 2: unit 'h' is unknown"),
        ("recording,class\n", "names no recording"),
        ('[{"recording": 3}, 4]', "no column 'class'"),
        ("[4]", "entry 1 must be an object"),
        ("[{", "no JSON"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(place, text, named):
    with pytest.raises(UserError, match=named) as error:
        index_of(place, text)
    assert "\n" not in str(error.value)


def test_all_that_is_wrong_is_told_at_once(place):
    rows = "".join(f"gone{i}.raw,cup\n" for i in range(7))
    with pytest.raises(
        UserError, match=r"gone0.raw is missing; .*gone4.raw is missing; and 2 more"
    ):
        index_of(place, "recording,class\n" + rows)


def test_no_such_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        read_index(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(UserError, match="is no text"):
        read_index(tmp_path / "bytes.csv")
