"""Cameras on USB, through the libraries of the extra `events`: eventcv, or else dv-processing."""

import time
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from neurosvt.config import ConfigError, UserError, first_line
from neurosvt.events.recording import EVENT
from neurosvt.live.network import POLL_S
from neurosvt.live.source import LiveSource


@contextmanager
def open_camera(serial: str = "") -> Iterator[LiveSource]:
    """The first camera that there is, or the one of a serial number.

    Raises:
        UserError: no library, no camera, or one that cannot be opened.
    """
    installed = False
    for load in (_with_eventcv, _with_dv_processing):
        try:
            camera = load(serial)
        except ImportError:
            continue
        installed = True
        if camera is not None:
            try:
                yield camera
            finally:
                camera.close()
            return
    if not installed:
        raise ConfigError("cameras need: pip install 'neurosvt[events]'")
    named = f" with serial number {serial!r}" if serial else ""
    raise UserError(f"no event camera{named} is found; is it plugged in, and may you read it?")


class Camera(LiveSource):
    """A camera of one of the libraries."""

    live, waits = True, False

    def __init__(self, camera: Any, sensor: tuple[int, int]):
        super().__init__("camera", sensor)
        self.camera = camera

    def close(self) -> None:
        """Let go of it."""

    def chunks(self) -> Iterator[np.ndarray]:
        while True:
            events = self.read()
            if events is None:
                return
            if not len(events):
                time.sleep(POLL_S)
            yield self._on_sensor(events)

    @abstractmethod
    def read(self) -> np.ndarray | None:
        """What came since; None once the camera is gone."""

    def _on_sensor(self, events: np.ndarray) -> np.ndarray:
        inside = (events["x"] < self.sensor[0]) & (events["y"] < self.sensor[1])
        self.malformed.records += len(events) - int(inside.sum())
        return events if inside.all() else events[inside]


def _with_dv_processing(serial: str) -> Camera | None:
    import dv_processing

    if not dv_processing.io.camera.discover():
        return None
    try:
        opened = dv_processing.io.camera.open(*([serial] if serial else []))
        width, height = opened.getEventResolution()
    except Exception as error:  # its own errors share no class
        raise UserError(f"the camera cannot be opened ({first_line(error)})") from error
    return DvCamera(opened, (int(width), int(height)))


class DvCamera(Camera):
    """An iniVation camera, through dv-processing."""

    def read(self) -> np.ndarray | None:
        batch = self.camera.getNextEventBatch()
        if batch is not None:
            a = batch.numpy()
            return _packed(a["timestamp"], a["x"], a["y"], a["polarity"])
        return np.empty(0, EVENT) if self.camera.isRunning() else None


def _with_eventcv(serial: str) -> Camera | None:
    import eventcv

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of udev rules; that none is found is told in a line
        listed = eventcv.list_cameras()
    if not any(not serial or one["serial"] == serial for one in listed):
        return None
    try:
        opened = eventcv.stream(serial or None, dt_ms=5)
        width, height = opened.sensor_size
    except Exception as error:
        raise UserError(f"the camera cannot be opened ({first_line(error)})") from error
    return EventcvCamera(opened, (int(width), int(height)))


class EventcvCamera(Camera):
    """A camera that eventcv knows: Prophesee and iniVation."""

    def read(self) -> np.ndarray | None:
        try:
            stream = self.camera.read(timeout_ms=5)
        except Exception:  # unplugged; its errors share no class
            return None
        if stream is None:
            return np.empty(0, EVENT)
        x, y, t, p = stream.numpy().T
        return _packed(t * (stream.timestamp_scale_ms * 1000), x, y, p)

    def close(self) -> None:
        self.camera.close()


def _packed(t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    events = np.empty(len(t), EVENT)
    events["t"], events["x"], events["y"], events["p"] = t, x, y, p > 0
    return events
