"""Lines of numbers, as people have them."""

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.formats import convert, read_events, text, write_events
from neurosvt.formats.options import ReadOptions
from neurosvt.formats.summary import summarise


@pytest.fixture
def recording(made_up):
    return made_up(5, 1200, (300, 200), start=1_468_939_993_067_416)


def lines_of(recording, form):
    rows = recording.events.tolist()
    return "".join(form.format(t=t, s=t / 1e6, x=x, y=y, p=int(p)) for t, x, y, p in rows)


FILES = {
    "UZH": ("{s:.9f} {x} {y} {p}\n", "", None, "s"),
    "v2e": ("{s:.6f} {x} {y} {p}\n", "#!events.txt\n# made by v2e\n", None, "s"),
    "e2vid": ("{s:.6f} {x} {y} {p}\n", "346 260\n", (346, 260), "s"),
    "tabs": ("{s:.6f}\t{x}\t{y}\t{p}\n", "", None, "s"),
    "two blanks": ("{s:.6f}  {x}  {y}  {p}\r\n", "", None, "s"),
    "Metavision": ("{x},{y},{p},{t}\n", "%geometry:640,480\n", (640, 480), "us"),
    "no geometry": ("{x},{y},{p},{t}\n", "", None, "us"),
    "named": ("{p};{x};{y};{t}\n", "polarity;x;y;timestamp\n", None, "us"),
    "more columns": ("{x},{y},{p},{t},7\n", "x,y,p,t,camera\n", None, "us"),
    "t x y p with commas": ("{t},{x},{y},{p}\n", "", None, "us"),
}


@pytest.mark.parametrize("arrow", [True, False], ids=["arrow", "numpy"])
@pytest.mark.parametrize("name", FILES)
def test_each_kind_gives_its_events(name, arrow, recording, tmp_path, monkeypatch):
    if not arrow:
        monkeypatch.setattr(text, "_by_arrow", lambda text, count: [])
    form, head, sensor, unit = FILES[name]
    path = tmp_path / "events"
    path.write_text(head + lines_of(recording, form))
    np.testing.assert_array_equal(read_events(path, str).events, recording.events)
    said = summarise(path)
    assert (said.unit, said.sensor_from) == (unit, "file" if sensor else "guess")
    if sensor:
        assert (said.width, said.height) == sensor


@pytest.mark.parametrize("name", ["text", "csv"])
def test_what_is_written_keeps_its_sensor_and_negative_times(name, recording, tmp_path):
    recording.events["t"] -= recording.events["t"][600]
    write_events(tmp_path / "a", recording, name)
    again = read_events(tmp_path / "a", str)
    np.testing.assert_array_equal(again.events, recording.events)
    assert (again.width, again.height) == (300, 200)


def test_lines_are_chosen_by_their_ending(recording, tmp_path):
    write_events(tmp_path / "a.npz", recording)
    convert(tmp_path / "a.npz", tmp_path / "a.csv")
    convert(tmp_path / "a.npz", tmp_path / "a.txt")
    assert (tmp_path / "a.csv").read_text().startswith("%geometry:300,200\n")
    assert summarise(tmp_path / "a.txt").format == "text"


def test_the_unit_of_whole_numbers_is_a_guess_that_can_be_said(recording, tmp_path):
    (tmp_path / "a.txt").write_text(lines_of(recording, "{t}000 {x} {y} {p}\n"))
    assert summarise(tmp_path / "a.txt").unit_from == "guess"
    found = read_events(tmp_path / "a.txt", str, ReadOptions(unit="ns")).events
    np.testing.assert_array_equal(found, recording.events)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("5,6,7,2\n" * 9, "does not say which column is which: name them in a first line"),
        ("0.1 5 6 1\n0.2 5 six 1\n", r"event 2 is no 4 numbers: '0.2 5 six 1'"),
        ("0.1 5 6 1\n0.2 5 6\n0.3 5 6 1\n", r"event 2 is no 4 numbers: '0.2 5 6'"),
        ("0.1 5 6 1\n" * 3000 + "0.2 5 6.5 1\n", "y must hold whole numbers, got 6.5"),
        ("a table\nof nothing\n", "is no event file that is known"),
        ("1 2 3\n4 5 6\n", "is no event file that is known"),
        ("0.1 5 6 1\n" + "1" * 40_000, "has a line of more than 16,384 bytes"),
    ],
)
def test_what_cannot_be_events_is_refused_in_one_line(lines, message, tmp_path):
    (tmp_path / "a.txt").write_text(lines)
    with pytest.raises(UserError, match=message) as error:
        read_events(tmp_path / "a.txt", str)
    assert "\n" not in str(error.value)


def test_a_line_that_is_cut_gives_no_event(tmp_path):
    """Of a time cut short a shorter time would be left."""
    (tmp_path / "a.csv").write_text("%geometry:9,9\n1,2,1,1000\n1,2,1,20")
    assert read_events(tmp_path / "a.csv", str).events["t"].tolist() == [1000]
    assert summarise(tmp_path / "a.csv").lost_bytes == 8
    (tmp_path / "a.txt").write_text("0.1 5 6 1\n0.2 5 6 0")
    assert len(read_events(tmp_path / "a.txt", str).events) == 2
