"""Sources by their words: files, made-up scenes, standard input, the network, cameras."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurosvt.config import UserError
from neurosvt.events.recording import Recording
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.recordings import open_recording
from neurosvt.live.cameras import open_camera
from neurosvt.live.network import StdinSource, UdpSource, open_udp
from neurosvt.live.played import RecordingSource, SceneSource
from neurosvt.live.source import LiveSource
from neurosvt.sides import Sides, Size

SCHEMES = ("scenes:", "udp://", "camera:")
"""What the words of sources that are no files begin with."""


def check_source(word: str) -> None:
    """Refuse, before anything is loaded, a word that names no source.

    Raises:
        FileNotFoundError: no such file.
        UserError: an unknown kind of source, or one that this system has not.
    """
    if word == "-" and os.name == "nt":
        raise UserError("Windows cannot wait for standard input; udp://HOST:PORT will do")
    if word == "-" or word.startswith(SCHEMES):
        return
    if "://" in word:
        raise UserError(
            f"source {word!r} is unknown; FILE, scenes:TIER, -, udp://HOST:PORT or camera: will do"
        )
    if not Path(word).is_file():
        raise FileNotFoundError(f"{word}: no such file")


@contextmanager
def open_live_source(
    source: str | Path | Recording,
    *,
    size: Size,
    frame_us: int,
    options: ReadOptions = AS_STATED,
    seed: int = 0,
) -> Iterator[LiveSource]:
    """A source by its word: FILE, `scenes:TIER`, `-` (standard input), `udp://HOST:PORT`, `camera:`
    or `camera:SERIAL`; or a recording.

    Args:
        source: what to read.
        size: of the model's sensor.
        frame_us: its frame length, for scenes.
        options: how to read a file, where it does not say; of what comes over a wire its `sensor`,
            None for the model's.
        seed: of the scenes.

    Raises:
        FileNotFoundError, UserError: it cannot be read; one line that says why.
    """
    word = "" if isinstance(source, Recording) else str(source)
    if word:
        check_source(word)
    rest, sensor = word.partition(":")[2], options.sensor or Sides.of(size)
    if word == "-":
        yield StdinSource(sensor)
    elif word.startswith("udp://"):
        with open_udp(word) as bound:
            yield UdpSource(word, bound, sensor)
    elif word.startswith("scenes:"):
        yield SceneSource(rest, size, frame_us, seed)
    elif word.startswith("camera:"):
        with open_camera(rest) as camera:
            yield camera
    else:
        with open_recording(source, options) as opened:
            yield RecordingSource(opened)
