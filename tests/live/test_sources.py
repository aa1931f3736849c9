import os
import socket
import sys
import threading
import types
from itertools import islice

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.events.recording import EVENT
from neurosvt.formats import write_events
from neurosvt.live.network import StdinSource, UdpSource, open_udp
from neurosvt.live.sources import open_live_source
from neurosvt.live.stream import Stream
from neurosvt.permanence.tasks import SceneTask
from neurosvt.scenes.scenes import SceneConfig

AS_16 = {"size": 16, "frame_us": 10_000}


def test_a_file_is_a_source(cup, tmp_path):
    write_events(tmp_path / "cup.npz", cup())
    with open_live_source(tmp_path / "cup.npz", **AS_16) as source:
        assert np.array_equal(np.concatenate(list(source.chunks())), cup().events)
    assert (source.name, source.sensor, source.live) == ("cup", (16, 16), False)


def test_scenes_are_those_of_the_benchmark_one_after_another():
    with open_live_source("scenes:blackout", size=64, frame_us=10_000, seed=3) as source:
        chunks = list(islice(source.chunks(), 100))
    (scenes,) = SceneTask("test", 3, scene=SceneConfig(size=64)).batches("blackout", 60, 1)
    frames = np.zeros((100, 2, 64, 64), bool)
    for number, events in enumerate(chunks):
        assert (events["t"] == 10_000 * number).all()
        frames[number, events["p"].astype(int), events["y"], events["x"]] = True
    first = min(100, len(scenes.frames))
    assert np.array_equal(frames[:first], scenes.frames[:first, 0])


def test_events_come_through_udp_as_they_were_sent(cup, engine):
    """And what is no whole number of records is counted."""
    events = cup().events
    with open_udp("udp://127.0.0.1:0") as bound:
        source = UdpSource("udp", bound, (16, 16))
        address = bound.getsockname()

        def send():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"no record", address)
                for part in np.array_split(events, 10):
                    sender.sendto(part.tobytes(), address)

        sender = threading.Thread(target=send)
        sender.start()
        told: list[str] = []
        stream = Stream(source, engine, speed=None, windows=29, say=told.append)
        seen = sum(step.belief.events for step in stream)
        sender.join()
    last = events["t"] >= events["t"][0] + 290_000
    assert seen == len(events) - last.sum()
    assert stream.summary().malformed == 1
    assert "datagram" in told[0]


def test_events_come_through_a_pipe_and_its_end_is_the_end(cup, engine):
    read, write = os.pipe()
    source = StdinSource((16, 16), read)
    threading.Thread(
        target=lambda: (os.write(write, cup().events.tobytes()), os.close(write))
    ).start()
    stream = Stream(source, engine, speed=None)
    assert sum(step.belief.events for step in stream) == 600
    os.close(read)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("scenes:courtain", "did you mean 'curtain'"),
        ("http://camera", "is unknown"),
        ("udp://host", "is no address"),
        ("udp://256.1.2.3:5555", "cannot listen"),
    ],
)
def test_a_source_that_is_none_is_one_line(word, names):
    with pytest.raises(UserError, match=names), open_live_source(word, size=32, frame_us=10_000):
        pass


def test_a_model_too_small_for_scenes_is_told():
    with pytest.raises(UserError, match="32 pixels"), open_live_source("scenes:curtain", **AS_16):
        pass


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"cup\.raw"), open_live_source("cup.raw", **AS_16):
        pass


@pytest.fixture
def libraries(monkeypatch):
    """libraries(eventcv, dv_processing): stand-ins for both; None for one that is missing."""

    def put(eventcv=None, dv_processing=None):
        monkeypatch.setitem(sys.modules, "eventcv", eventcv)
        monkeypatch.setitem(sys.modules, "dv_processing", dv_processing)

    return put


def _eventcv(cameras, window):
    """As much of eventcv as a camera needs: one window, then silence, then it is unplugged."""
    stream = types.SimpleNamespace(
        numpy=lambda: np.array([[3, 4, 7, 1], [99, 4, 8, 0]], np.uint64), timestamp_scale_ms=0.001
    )
    answers = iter([stream, None])
    closed = []
    camera = types.SimpleNamespace(
        sensor_size=(16, 16),
        read=lambda timeout_ms: next(answers),
        close=lambda: closed.append(True),
    )
    return types.SimpleNamespace(
        list_cameras=lambda: cameras, stream=lambda serial, dt_ms: camera, closed=closed
    )


def test_a_camera_of_eventcv_gives_its_events_until_it_is_gone(libraries):
    library = _eventcv([{"serial": "7"}], None)
    libraries(library)
    with open_live_source("camera:7", **AS_16) as source:
        chunks = list(source.chunks())
    assert np.concatenate(chunks).tolist() == [(7, 3, 4, True)]
    assert source.malformed.records == 1, "off the sensor"
    assert source.live
    assert library.closed == [True]


def test_a_camera_of_dv_processing_gives_its_events_until_it_is_gone(libraries):
    kinds = [("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "u1")]
    batch = types.SimpleNamespace(numpy=lambda: np.array([(7, 3, 4, 1)], kinds))
    batches, running = iter([batch, None, None]), iter([True, False])
    opened = types.SimpleNamespace(
        getEventResolution=lambda: (16, 16),
        getNextEventBatch=lambda: next(batches),
        isRunning=lambda: next(running),
    )
    camera = types.SimpleNamespace(discover=lambda: ["one"], open=lambda: opened)
    libraries(None, types.SimpleNamespace(io=types.SimpleNamespace(camera=camera)))
    with open_live_source("camera:", **AS_16) as source:
        chunks = list(source.chunks())
    assert np.concatenate(chunks).tolist() == [(7, 3, 4, True)]
    assert chunks[0].dtype == EVENT


def test_a_missing_camera_and_a_missing_library_are_one_line_each(libraries):
    libraries(_eventcv([], None))
    with (
        pytest.raises(UserError, match="no event camera is found"),
        open_live_source("camera:", **AS_16),
    ):
        pass
    libraries()
    with (
        pytest.raises(UserError, match=r"neurosvt\[events\]"),
        open_live_source("camera:", **AS_16),
    ):
        pass
