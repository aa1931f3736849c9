import hashlib
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from neurosvt.cli import main
from neurosvt.datasets.synthetic_gestures import write_synthetic_gestures
from neurosvt.events.recording import Recording, pack_events
from neurosvt.formats import read_events, write_events

FIELDS = [
    "format", "width", "height", "sensor_from", "layout", "camera", "camera_from", "unit",
    "unit_from", "events", "t_first_us", "t_last_us", "on_share", "time_steps_back", "lost_bytes",
    "sha256_t", "sha256_x", "sha256_y", "sha256_p", "warnings",
]  # fmt: skip


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, 10**6, 99)), *rng.integers(0, 128, (2, 99))
    return Recording(pack_events(*columns, rng.integers(0, 2, 99)), 128, 128)


def test_info_tells_what_the_file_stores(recording, tmp_path, rows_of, capsys):
    """A DVS128 stores axes and polarity the other way round: they are hashed as stored."""
    path, events = tmp_path / "a.aedat", recording.events
    write_events(path, recording, "aedat2")
    assert main(["data", "info", str(path), "--json", str(tmp_path / "row.json")]) == 0
    record = rows_of(tmp_path / "row.json")
    assert record["command"] == f"neurosvt data info {path}"
    (row,) = record["rows"]
    assert list(row) == FIELDS
    assert (row["format"], row["width"], row["height"], row["events"]) == ("aedat2", 128, 128, 99)
    assert (row["t_first_us"], row["t_last_us"]) == (events["t"][0], events["t"][-1])
    assert row["on_share"] == events["p"].mean()
    assert (row["time_steps_back"], row["lost_bytes"]) == (0, 0)
    stored = {
        "t": events["t"].astype("<i8"),
        "x": 127 - events["x"].astype("<i4"),
        "y": 127 - events["y"].astype("<i4"),
        "p": (~events["p"]).astype("u1"),
    }
    for name, column in stored.items():
        assert row[f"sha256_{name}"] == hashlib.sha256(column.tobytes()).hexdigest()
    assert "events          99" in capsys.readouterr().out


def test_damage_is_told_beside_the_result(recording, tmp_path, capsys):
    path = tmp_path / "a.dat"
    write_events(path, recording)
    path.write_bytes(path.read_bytes()[:-5])
    assert main(["data", "info", str(path)]) == 0
    told = capsys.readouterr()
    assert "events          98" in told.out
    assert "lost_bytes      3" in told.out
    assert told.err == "warning: 3 bytes at the end could not be read\n"
    assert main(["data", "convert", str(path), str(tmp_path / "b.npz")]) == 0
    told = capsys.readouterr()
    assert told.err == "warning: 3 bytes at the end could not be read\n"
    assert told.out == f"{tmp_path / 'b.npz'}\n"


def test_convert_writes_the_same_events(recording, tmp_path):
    write_events(tmp_path / "a.npz", recording)
    words = [str(tmp_path / "a.npz"), str(tmp_path / "b.raw"), "--format", "evt3"]
    assert main(["data", "convert", *words]) == 0
    again = read_events(tmp_path / "b.raw")
    np.testing.assert_array_equal(again.events, recording.events)
    assert (again.width, again.height) == (128, 128)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["info", "none.raw"], "none.raw: no such file"),
        (["info", "text"], "text is no event file that is known"),
        (["info", "a.npz", "--json", "no/such.json"], "there is no folder no"),
        (["convert", "a.npz", "b.raw"], "evt2, evt2.1, evt3, evt4 end in .raw; name one of them"),
        (
            ["convert", "a.npz", "b.raw", "--format", "evt5"],
            "--format 'evt5' is unknown; did you mean",
        ),
        (["convert", "a.npz", "b.bag"], "rosbag cannot be written"),
        (["convert", "a.npz", "no/such/b.npz"], "no/such"),
        (["convert", "a.npz", "a.npz"], "a.npz is the file itself"),
        ([], "required: ACTION"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(argv, message, recording, tmp_path, refused):
    write_events(tmp_path / "a.npz", recording)
    (tmp_path / "text").write_text("t x y p\none 2 3 1\n")
    assert message in refused("data", *argv)


def test_torch_is_not_needed_to_look_into_a_file(recording, tmp_path):
    write_events(tmp_path / "a.npz", recording)
    code = (
        "import sys; from neurosvt.cli import main; "
        f"main(['data', 'info', {str(tmp_path / 'a.npz')!r}]); "
        f"main(['data', 'convert', {str(tmp_path / 'a.npz')!r}, {str(tmp_path / 'b.dat')!r}]); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_killed_at_any_moment_and_run_again_it_ends_with_the_same_bytes(tmp_path, files_in):
    """Killed by the system: no moment is announced, and nothing is tidied up."""
    write_synthetic_gestures(tmp_path / "raw", people=8)

    def start(position):
        words = ["data", "prepare", "dvs128", str(tmp_path / "raw"), str(position)]
        return subprocess.Popen(
            [sys.executable, "-m", "neurosvt", *words], stdout=subprocess.PIPE, text=True
        )

    begun = time.perf_counter()
    start(tmp_path / "whole").communicate()
    whole = time.perf_counter() - begun
    rng = random.Random(0)
    for _ in range(5):
        cut = start(tmp_path / "cut")
        time.sleep(rng.uniform(0.2, 1) * whole)
        cut.kill()
        cut.wait()
        cut.stdout.close()
    start(tmp_path / "cut").communicate()
    assert files_in(tmp_path / "cut") == files_in(tmp_path / "whole")
    again = start(tmp_path / "cut")
    assert again.communicate()[0] == f"{tmp_path / 'cut'} is prepared already\n"


def test_a_data_set_is_made_up_prepared_and_not_overwritten(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "generate", "dvs128", "raw", "--people", "8"]) == 0
    assert main(["data", "generate", "dvs128", "raw"]) == 2
    assert "raw is not empty" in capsys.readouterr().err
    assert main(["data", "prepare", "dvs128", "raw", "out", "--frames", "2"]) == 0


def test_tensor_files_of_the_original_are_prepared_where_they_lie(tmp_path, capsys, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    position = tmp_path / "DVS128Gesture_Processed"
    for part in ("train", "test"):
        (position / part).mkdir(parents=True)
        for i in range(22):
            pair = torch.zeros(4, 2, 128, 128), i // 2
            torch.save(pair, position / part / f"sample_{i:04}.pt")
    for said in (f"{position}\n", f"{position} is prepared already\n"):
        assert main(["data", "prepare", "dvs128", str(position)]) == 0
        assert capsys.readouterr().out == said


def test_a_data_set_is_prepared_once(tmp_path, capsys, monkeypatch):
    write_synthetic_gestures(tmp_path / "raw", people=3)
    monkeypatch.setenv("NEUROSVT_DATA", str(tmp_path))
    words = ["data", "prepare", "dvs128", str(tmp_path / "raw"), "--frames", "4"]
    position = tmp_path / "DVS128Gesture_Processed"
    assert main(words) == 0
    assert capsys.readouterr().out == f"{position}\n"
    assert main(words) == 0
    assert capsys.readouterr().out == f"{position} is prepared already\n"
    assert main([*words[:-1], "5"]) == 2
    assert "made otherwise (frames is 4 there, 5 here)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["dvs128", "nowhere"], "nowhere: no such folder or archive"),
        (["dvs128", "."], "lacks trials_to_train.txt; is it DVS128 Gesture?"),
        (["dvs128", ".", "--frames", "0"], "frames must be at least 1, got 0"),
        (["dvs129", "."], "data set 'dvs129' is unknown; did you mean 'dvs128'"),
        (["nmnist", "nowhere"], "nowhere: no such folder"),
        (["nmnist", "."], "holds no 00002.bin, ...; is it N-MNIST?"),
    ],
)
def test_what_cannot_be_prepared_is_told_in_one_line(argv, message, refused):
    assert message in refused("data", "prepare", *argv)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["dvs128", "out", "--people", "7"], "--people must lie in 8..29, got 7"),
        (["dvs128", "out", "--seed", "-1"], "--seed must not be below 0"),
        (["cifar10", "out"], "name 'cifar10' is unknown; choose from dvs128"),
    ],
)
def test_what_cannot_be_made_up_is_told_in_one_line(argv, message, refused):
    assert message in refused("data", "generate", *argv)
