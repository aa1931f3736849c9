"""Bags of ROS 1 and 2, written by the library rosbags and packed here byte by byte."""

import struct
from pathlib import Path

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.formats import read_events
from neurosvt.formats.options import ReadOptions
from neurosvt.formats.summary import summarise

rosbags = pytest.importorskip("rosbags")
EPOCH_S = 1_461_581_614


class Packer:
    """A message as ROS 1 writes it, or ROS 2: there numbers stand at multiples of their size."""

    def __init__(self, two):
        self.two, self.data = two, bytearray()

    def add(self, form, value):
        if self.two:
            self.data += b"\0" * (-len(self.data) % struct.calcsize(form))
        self.data += struct.pack(f"<{form}", value)

    def text(self, text):
        end = b"\0" * self.two
        self.add("I", len(text) + len(end))
        self.data += text.encode() + end

    def head(self, sensor):
        if not self.two:
            self.add("I", 0)
        self.add("I", EPOCH_S), self.add("I", 5), self.text("dvs")
        self.add("I", sensor[1]), self.add("I", sensor[0])

    def whole(self):
        return (b"\0\1\0\0" if self.two else b"") + bytes(self.data)


def listed(events, sensor, two):
    message = Packer(two)
    message.head(sensor)
    message.add("I", len(events))
    for t, x, y, p in events.tolist():
        s, us = divmod(t, 10**6)
        message.add("H", x), message.add("H", y)
        message.add("I", s), message.add("I", us * 1000), message.add("B", p)
    return message.whole()


def packet(body, sensor, encoding, two, base_ns=0):
    message = Packer(two)
    message.head(sensor)
    message.add("Q", 1), message.add("Q", base_ns), message.text(encoding), message.add("B", 0)
    message.add("I", len(body))
    message.data += body
    return message.whole()


def write_bag(path, two, messages, kind="dvs_msgs/msg/EventArray", topic="/dvs/events", more=()):
    """Bags of one topic, and of others without messages."""
    if two:
        from rosbags.rosbag2 import StoragePlugin, Writer

        with Writer(path, version=9, storage_plugin=StoragePlugin[two.upper()]) as bag:
            for name, other in more:
                bag.add_connection(name, other, msgdef="int32 a", rihs01="a")
            connection = bag.add_connection(topic, kind, msgdef="int32 a", rihs01="a")
            for i, message in enumerate(messages):
                bag.write(connection, i, message)
    else:
        from rosbags.rosbag1 import Writer

        with Writer(path) as bag:
            for name, other in more:
                bag.add_connection(name, other, msgdef="int32 a", md5sum="b")
            connection = bag.add_connection(topic, kind, msgdef="int32 a", md5sum="a")
            for i, message in enumerate(messages):
                bag.write(connection, i, message)
    return path


@pytest.fixture
def recording(made_up):
    return made_up(6, 501, (640, 480), start=EPOCH_S * 10**6)


@pytest.mark.parametrize("two", ["", "sqlite3", "mcap"])
@pytest.mark.parametrize("length", [1, 100, 501])
def test_lists_of_events_are_read(two, length, recording, tmp_path):
    parts = np.array_split(recording.events, -(-501 // length))
    messages = [listed(part, (640, 480), bool(two)) for part in parts]
    path = write_bag(tmp_path / "a.bag", two, messages)
    found = read_events(path)
    np.testing.assert_array_equal(found.events, recording.events)
    assert (found.width, found.height) == (640, 480)
    said = summarise(path)
    assert (said.format, said.camera, said.unit) == ("rosbag", "/dvs/events", "ns")
    if two:  # the file in the folder alone will do
        (inner,) = (file for file in Path(path).iterdir() if file.suffix != ".yaml")
        np.testing.assert_array_equal(read_events(inner).events, recording.events)


@pytest.mark.parametrize("two", ["", "mcap"])
def test_packets_of_a_cameras_own_words_are_read(two, recording, made_up, written, tmp_path):
    kind = "event_camera_msgs/msg/EventPacket"
    sensor_time = made_up(6, 500, (640, 480))
    body = written("evt3", sensor_time).split(b"% end\n", 1)[1]
    cut = len(body) // 4 * 2
    messages = [packet(part, (640, 480), "evt3", bool(two)) for part in (body[:cut], body[cut:])]
    found = read_events(write_bag(tmp_path / "a.bag", two, messages, kind))
    np.testing.assert_array_equal(found.events, sensor_time.events)

    events = recording.events
    words = (events["t"] - events["t"][0]).astype(np.uint64) * np.uint64(1000)
    words |= events["x"].astype(np.uint64) << np.uint64(32)
    words |= events["y"].astype(np.uint64) << np.uint64(48)
    words |= events["p"].astype(np.uint64) << np.uint64(63)
    base = int(events["t"][0]) * 1000
    message = packet(words.tobytes(), (640, 480), "mono", bool(two), base)
    found = read_events(write_bag(tmp_path / "b.bag", two, [message], kind))
    np.testing.assert_array_equal(found.events, events)
    message = packet(b"12345678", (640, 480), "libcaer", bool(two))
    with pytest.raises(UserError, match="holds events as 'libcaer'; evt3 and mono are read"):
        read_events(write_bag(tmp_path / "c.bag", two, [message], kind))


def test_a_topic_is_a_camera_and_a_bag_of_images_is_named(recording, tmp_path):
    one = [listed(recording.events, (640, 480), False)]
    more = [("/right/events", "dvs_msgs/msg/EventArray"), ("/image", "sensor_msgs/msg/Image")]
    path = write_bag(tmp_path / "a.bag", "", one, topic="/left/events", more=more)
    with pytest.raises(UserError, match="has 2 cameras: choose with --camera right or left"):
        read_events(path)
    found = read_events(path, options=ReadOptions(camera="left"))
    np.testing.assert_array_equal(found.events, recording.events)
    path = write_bag(tmp_path / "b.bag", "", [b"1234"], "sensor_msgs/msg/Image")
    with pytest.raises(UserError, match="is a ROS bag without events: it holds sensor_msgs/Image"):
        read_events(path)


def test_a_damaged_bag_is_refused_or_read_in_part(recording, tmp_path):
    path = write_bag(tmp_path / "a.bag", "", [listed(recording.events, (640, 480), False)])
    data = path.read_bytes()
    for length in (13, 60, 4096, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(UserError) as error:
            read_events(path, str)
        assert "\n" not in str(error.value)
