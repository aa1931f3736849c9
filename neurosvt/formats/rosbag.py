"""ROS bags of events, through the library rosbags: the extra `events`.

Files of ROS 1 (`.bag`) and of ROS 2 (`.mcap`, `.db3`, or a folder with a `metadata.yaml`) with
messages of `dvs_msgs` and `event_camera_msgs`. Each topic is a camera. Their times are nanoseconds.

Sources: the message definitions of these packages; event_camera_codecs for what a packet holds.
"""

import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neurosvt.config import ConfigError, UserError, first_line
from neurosvt.formats import evt3
from neurosvt.formats.about import FILE, OPTION, About
from neurosvt.formats.layouts import choose_camera
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.source import SensorSize, Source, decoded_words, packed

NAME = "rosbag"
ENDING = ".bag"
MAGIC = b"#ROSBAG V2.0"
FOLDER = "metadata.yaml"
"""What a folder holds that is a bag of ROS 2."""
_FOLDER_MAGIC = b"rosbag2_bagfile_information:"
_OTHERS = (b"\x89MCAP0\r\n", b"SQLite format 3\0", _FOLDER_MAGIC)
_LISTED = ("dvs_msgs/msg/EventArray", "prophesee_event_msgs/msg/EventArray")
_PACKED = ("event_camera_msgs/msg/EventPacket", "event_array_msgs/msg/EventArray")
"""Types of messages that list events, and that hold a camera's own words."""
_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("s", "<u4"), ("ns", "<u4"), ("p", "u1")])


def recognises(stream: BinaryIO) -> bool:
    """Whether it begins as a bag of ROS 1 or 2 does."""
    return stream.read(32).startswith((MAGIC, *_OTHERS))


def open_source(stream: BinaryIO, options: ReadOptions = AS_STATED) -> Source:
    """Its events.

    Raises:
        UserError: damaged, no events in it, or those of several topics and none is named.
        ConfigError: rosbags is not installed.
    """
    open_bag = partial(_reader, Path(stream.name), stream.read(32))
    try:
        with open_bag() as bag:
            topics = {c.topic: c.msgtype for c in bag.connections if c.msgtype in _LISTED + _PACKED}
            others = sorted({c.msgtype.replace("/msg/", "/") for c in bag.connections})
    except ConfigError:
        raise
    except Exception as error:  # a damaged byte makes the library raise nearly anything
        raise UserError(f"is damaged, or is no ROS bag ({first_line(error)})") from None
    if not topics:
        raise UserError(f"is a ROS bag without events: it holds {', '.join(others) or 'nothing'}")
    chosen, name = choose_camera(list(topics), options.camera)
    topic = list(topics)[chosen]
    about = About(layout=topics[topic], camera=name or topic, unit="ns")
    about.camera_from = OPTION if options.camera else FILE
    return Messages(open_bag, topic, about)


def _reader(path: Path, head: bytes) -> Any:
    try:
        from rosbags import rosbag1, rosbag2
    except ImportError as error:
        raise ConfigError("ROS bags need: pip install 'neurosvt[events]'") from error
    if head.startswith(MAGIC):
        return rosbag1.Reader(path)
    return rosbag2.Reader(path.parent if head.startswith(_FOLDER_MAGIC) else path)


class Messages(Source):
    """The messages of a topic, in the order of the bag.

    Args:
        open_bag: opens the bag anew.
        topic: which one.
        about: who said what.
    """

    def __init__(self, open_bag: Any, topic: str, about: About):
        self.open_bag, self.topic = open_bag, topic
        super().__init__(None, about=about)
        first = next(self._messages(), None)
        self.damage.notes.clear()
        if first is not None and all(first.sensor):
            self.on_sensor(first.sensor, FILE)

    def rewind(self) -> None:
        pass

    def _messages(self) -> Iterator["Message"]:
        try:
            with self.open_bag() as bag:
                chosen = [c for c in bag.connections if c.topic == self.topic]
                for connection, _, data in bag.messages(connections=chosen):
                    two = not hasattr(connection.ext, "callerid")
                    yield Message(bytes(data), two, connection.msgtype in _PACKED)
        except UserError:
            raise
        except Exception as error:
            self.damage.notes.append(f"what follows was not read ({first_line(error)})")

    def chunks(self) -> Iterator[np.ndarray]:
        for message in self._messages():
            events = message.events(self.state)
            self.account()
            if len(events):
                yield events


class Message:
    """One message, as its bytes say it.

    Args:
        data: as ROS 1 writes it, or ROS 2 (CDR), where numbers stand at multiples of their size.
        aligned: the latter.
        words: it holds a camera's own words.
    """

    def __init__(self, data: bytes, aligned: bool, words: bool):
        self.data, self.aligned = data[4:] if aligned else data, aligned
        self.at = 0
        if aligned and data[1] & 1 == 0:
            raise UserError("holds messages of a big-endian machine, which are not read")
        if not aligned:
            self._number("I")
        self._number("I"), self._number("I"), self._text()  # time and frame of the header
        height, width = self._number("I"), self._number("I")
        self.sensor: SensorSize = (width, height)
        self.encoding = ""
        if words:
            self._number("Q")
            self.base_ns = self._number("Q")
            self.encoding = self._text().decode("latin-1")
            self._number("B")
        self.count = self._number("I")
        self.words = words

    def _number(self, form: str) -> int:
        size = struct.calcsize(form)
        if self.aligned:
            self.at += -self.at % size
        value: int = struct.unpack_from(f"<{form}", self.data, self.at)[0]
        self.at += size
        return value

    def _text(self) -> bytes:
        length = self._number("I")
        text = self.data[self.at : self.at + length]
        self.at += length
        return text.rstrip(b"\0")

    def events(self, state: np.ndarray) -> np.ndarray:
        """Its events (n,).

        Raises:
            UserError: words of a kind that is not read.
        """
        if not self.words:
            s, ns, x, y, p = self._listed()
            return packed(state, (s.astype(np.int64) * 10**9 + ns) // 1000, x, y, p > 0)
        body = self.data[self.at : self.at + self.count]
        if self.encoding == "evt3":
            return decoded_words(evt3.decode, "evt3", body, len(body) // 2, state)
        if self.encoding != "mono":
            raise UserError(f"holds events as {self.encoding!r}; evt3 and mono are read")
        words = np.frombuffer(body, "<u8", len(body) // 8)
        t = (self.base_ns + (words & 0xFFFFFFFF).astype(np.int64)) // 1000
        x, y = words >> 32 & 0xFFFF, words >> 48 & 0x7FFF
        return packed(state, t, x.astype(np.int64), y.astype(np.int64), words >> 63 == 1)

    def _listed(self) -> tuple[np.ndarray, ...]:
        """Columns s, ns, x, y, p of the events that are there."""
        body = self.data[self.at :]
        if not self.aligned:
            listed = np.frombuffer(body, _EVENT, min(self.count, len(body) // _EVENT.itemsize))
            return tuple(listed[name] for name in ("s", "ns", "x", "y", "p"))
        # 16 bytes apart; x and y of all but the first stand 2 bytes earlier, before the gap that
        # brings the seconds to a multiple of 4.
        count = min(self.count, (len(body) + 3) // 16)
        rows: np.ndarray = np.frombuffer(
            body[: 16 * count].ljust(16 * count, b"\0"), "<u2"
        ).reshape(-1, 8)
        late = np.frombuffer((b"\0\0" + body).ljust(16 * count, b"\0"), "<u2", 8 * count)
        late = late.reshape(-1, 8)
        x, y = late[:, 0].copy(), rows[:, 0].copy()
        if count:
            x[0], y[0] = rows[0, 0], rows[0, 1]
        wide = rows.view("<u4")
        return wide[:, 1], wide[:, 2], x, y, rows[:, 6] & 0xFF
