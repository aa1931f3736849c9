import numpy as np
import pytest
from PIL import Image

from neurosvt.config import UserError
from neurosvt.events.video import Video, crop_video, read_video, simulate_events
from tests.events.videos import moving_square, write_gif

pytest.importorskip("eventcv")


def test_a_gif_is_read_with_its_rate(tmp_path):
    video = read_video(write_gif(tmp_path / "video.gif", moving_square()))
    assert video.frames.shape == (6, 32, 32)
    assert video.fps == 10.0
    assert video.frames.dtype == np.uint8


def test_stills_are_read_in_order_and_want_a_rate(tmp_path):
    frames = moving_square()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{i:03}.png")
    video = read_video(tmp_path)
    assert np.array_equal(video.frames, frames)
    with pytest.raises(UserError, match="does not say how many frames a second: add --fps"):
        simulate_events(video)


def test_videos_are_read(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "video.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuvj420p"
        for frame in moving_square():
            picture = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, -1), format="rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    video = read_video(path)
    assert video.fps == 25.0
    assert np.abs(video.frames.astype(int) - moving_square()).mean() < 5


def test_an_edge_that_comes_brightens_and_one_that_goes_darkens():
    recording = simulate_events(Video(moving_square(), 10.0, "square"))
    x, p = recording.events["x"].astype(int), recording.events["p"]
    assert (recording.width, recording.height) == (32, 32)
    assert 12 <= recording.events["y"].min() <= recording.events["y"].max() < 20
    assert x[p].min() >= 12  # where it comes to
    assert x[~p].max() < 14  # where it was
    assert recording.events["t"].max() <= 500_000


def test_nothing_that_moves_is_nothing_that_is_seen():
    still = np.repeat(moving_square(1), 4, 0)
    assert len(simulate_events(Video(still, 10.0, "still")).events) == 0


def test_a_part_is_brought_to_the_sensor():
    video = Video(moving_square(), 10.0, "square")
    part = crop_video(video, (4, 12, 16, 8), 16)
    assert part.frames.shape == (6, 16, 16)
    assert (part.frames[0, :, :8] == 200).all()
    with pytest.raises(UserError, match="reaches beyond the video's 32 x 32 pixels"):
        crop_video(video, (20, 0, 16, 8), 16)
