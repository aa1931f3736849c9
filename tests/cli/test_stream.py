import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from neurosvt.cli import main
from neurosvt.events.frames import by_time
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import write_events

NEUROSVT = [sys.executable, "-c", "from neurosvt.cli import main; raise SystemExit(main())"]


@pytest.fixture
def cup(tmp_path, monkeypatch):
    """An event file in an empty folder: 600 events in 0.3 s."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    events = np.zeros(600, EVENT)
    events["t"] = np.sort(rng.integers(0, 300_000, 600))
    events["x"], events["y"] = rng.integers(0, 100, (2, 600))
    write_events(tmp_path / "cup.npz", Recording(events, 100, 100))
    return events


def rows_in(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_becomes_a_line_a_window_and_a_summary(cup, tmp_path, capsys):
    words = ["--speed", "max", "--json-lines", "rows.jsonl"]
    assert main(["stream", "cup.npz", *words]) == 0
    rows = rows_in(tmp_path / "rows.jsonl")
    cut = by_time(cup, 10_000)
    assert [row["events"] for row in rows] == np.bincount(cut.index).tolist()
    assert {row["class"] for row in rows} <= set(rows[0]["probabilities"])
    assert "disc" in rows[0]["probabilities"], "the checkpoint's own names"
    assert all(0 <= place <= 100 for row in rows for place in row["pixel"])
    printed = capsys.readouterr()
    assert "30 windows, 600 events, 0 windows with 0 events dropped" in printed.out
    assert rows[0]["class"] in printed.out.splitlines()[0]
    assert printed.err == ""


def test_lines_on_standard_output_stand_there_alone(cup, capsys):
    words = ["--speed", "max", "--json-lines", "-", "--windows", "3"]
    assert main(["stream", "cup.npz", *words]) == 0
    printed = capsys.readouterr()
    assert [json.loads(line)["window"] for line in printed.out.splitlines()] == [0, 1, 2]
    assert "3 windows" in printed.err


def test_windows_of_events_and_of_another_length(cup, tmp_path):
    for option, count in (("--window-events=100", 6), ("--window-ms=20", 15)):
        words = ["--speed", "max", "--quiet", "--json-lines", "rows.jsonl", option]
        assert main(["stream", "cup.npz", *words]) == 0
        assert len(rows_in(tmp_path / "rows.jsonl")) == count


def test_scenes_are_watched(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--speed", "max", "--seconds", "0.5", "--quiet"]
    assert main(["stream", "scenes:curtain", *words]) == 0
    assert capsys.readouterr().out.startswith("50 windows")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["nowhere.raw"], "nowhere.raw: no such file"),
        (["cup.npz", "--model", "nowhere"], "nowhere"),
        (["cup.npz", "--model", "dysvit"], "a NeuroSVT watches events"),
        (["cup.npz", "--speed", "fast"], "--speed: 'fast'"),
        (["cup.npz", "--speed", "-1"], "speed must be above 0"),
        (["cup.npz", "--forgotten-below", "2"], "forgotten_below must lie in 0 to 1, got 2"),
        (["cup.npz", "--window-ms", "0"], "a window must be longer than 0 ms"),
        (["cup.npz", "--window-events", "0"], "at least 1 event"),
        (["cup.npz", "--json-lines", "nowhere/rows"], "no folder nowhere"),
        (["udp://nowhere"], "is no address"),
        (["-", "--sensor", "64"], "sensor must be WxH"),
        (["-", "--sensor", "0x0"], "sensor"),
        (["camera:none"], "camera"),
        (["gopher://x"], "is unknown"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_one_line(words, names, refused, tmp_path):
    events = np.zeros(3, EVENT)
    write_events(tmp_path / "cup.npz", Recording(events, 100, 100))
    assert names in refused("stream", *words)


def test_standard_input_is_read_and_its_faults_are_counted(cup, one_thread):
    data = cup.tobytes() + b"\xff" * 13 + b"tail"
    words = ["-", "--sensor", "100x100", "--speed", "max", "--json-lines", "-"]
    done = subprocess.run(
        [*NEUROSVT, "stream", *words], input=data, capture_output=True, env=one_thread
    )
    told = done.stderr.decode()
    assert done.returncode == 0, told
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(row["events"] for row in rows) == 600
    assert "2 malformed" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_ctrl_c_ends_with_a_summary_and_whole_lines(number, code, cup, tmp_path, one_thread):
    words = ["scenes:curtain", "--json-lines", "rows.jsonl", "--quiet"]
    process = subprocess.Popen(
        [*NEUROSVT, "stream", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=one_thread,
    )  # fmt: skip
    until = time.monotonic() + 120
    rows = tmp_path / "rows.jsonl"
    while not (rows.exists() and rows.stat().st_size) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err.decode()
    assert " windows, " in out.decode()
    assert "Traceback" not in err.decode()
    assert len(rows_in(rows)) == int(out.split()[0].replace(b",", b""))


def test_who_has_seen_enough_ends_it(cup, one_thread):
    """As in `neurosvt stream ... --json-lines - | head -1`."""
    words = ["scenes:curtain", "--speed", "max", "--json-lines", "-", "--quiet"]
    with subprocess.Popen(
        [*NEUROSVT, "stream", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=one_thread,
    ) as process:  # fmt: skip
        assert json.loads(process.stdout.readline())["window"] == 0
        process.stdout.close()
        told = process.stderr.read().decode()
    assert process.returncode == 0, told
    assert " windows, " in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told
