"""Event recordings: what a camera saw, as arrays, frames and videos."""

from neurosvt.events.augment import Augmentation
from neurosvt.events.filters import denoise, limit_rate
from neurosvt.events.frames import by_count, by_time, into_counts, into_times, make_frames
from neurosvt.events.recording import EVENT, Fitting, Recording, fit_to_sensor, pack_events
from neurosvt.events.video import Video, read_video, simulate_events
from neurosvt.events.windows import CountWindows, EventWindow, TimeWindows

__all__ = [
    "EVENT",
    "Augmentation",
    "CountWindows",
    "EventWindow",
    "Fitting",
    "Recording",
    "TimeWindows",
    "Video",
    "by_count",
    "by_time",
    "denoise",
    "fit_to_sensor",
    "into_counts",
    "into_times",
    "limit_rate",
    "make_frames",
    "pack_events",
    "read_video",
    "simulate_events",
]
