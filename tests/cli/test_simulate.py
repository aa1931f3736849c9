import pytest

from neurosvt.cli import main
from neurosvt.formats import read_events
from tests.events.videos import moving_square, write_gif

pytest.importorskip("eventcv")


def test_the_command_writes_an_event_file(tmp_path, capsys):
    video = write_gif(tmp_path / "film.gif", moving_square())
    out = tmp_path / "events.npz"
    args = ["data", "simulate", str(video), str(out), "--size", "32", "--blur", "0"]
    assert main([*args, "--frames", "1:5", "--crop", "0,0,32,32"]) == 0
    recording = read_events(out)
    assert (recording.width, recording.height) == (32, 32)
    assert f"{len(recording.events):,} events" in capsys.readouterr().out
    assert len(recording.events) > 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--crop", "1,2,3"], "--crop X,Y,W,H: '1,2,3' is not 4 whole numbers"),
        (["--crop", "0,0,99,9"], "reaches beyond the video's 32 x 32 pixels"),
        (["--frames", "4:9"], "--frames 4:9 are not two or more of 6"),
        (["--fps", "0"], "--fps must be above 0"),
        (["--size", "0"], "--size must be at least 1"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(options, message, refused, tmp_path):
    video = write_gif(tmp_path / "film.gif", moving_square())
    assert message in refused("data", "simulate", str(video), str(tmp_path / "a.npz"), *options)
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize("name", ["film.gif", "film.avi"])
def test_damaged_films_are_told(name, refused, tmp_path):
    (tmp_path / name).write_bytes(b"GIF89a" + bytes(20))
    said = refused("data", "simulate", str(tmp_path / name), str(tmp_path / "a.npz"))
    assert "damaged" in said


def test_films_that_are_not_there_are_told(refused, tmp_path):
    said = refused("data", "simulate", str(tmp_path / "no.gif"), str(tmp_path / "a.npz"))
    assert "no video" in said
    assert "holds 0 frames" in refused("data", "simulate", str(tmp_path), str(tmp_path / "a.npz"))
