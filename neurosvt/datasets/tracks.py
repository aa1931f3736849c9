"""Recordings of one moving thing, and where it is all the time.

Hand-held objects and a swinging pendulum before a DVS128 camera (dvs128_objects). The recordings
state no licence: nothing made from them is shipped.

Axes: F frames, 2 polarities (OFF, ON), H W sensor pixels.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.described import Described, described
from neurosvt.datasets.folder import checked_split, find
from neurosvt.datasets.handheld_objects import HANDHELD_CLASSES, HANDHELD_HELD_OUT, SESSIONS
from neurosvt.events.frames import by_time, make_frames
from neurosvt.events.recording import Fitting, Recording, fit_to_sensor
from neurosvt.formats import read_events
from neurosvt.reading import read_array
from neurosvt.sides import Size

TRACK_CLASSES: dict[str, tuple[str, ...]] = {
    "dvs128_objects": HANDHELD_CLASSES,
    "pendulum": ("pendulum", "anything else"),
}
"""What each data set shows; of the pendulum, the position alone is a question."""

PENDULUM = {"train": (0.0, 0.4), "validation": (0.4, 0.5), "test": (0.5, 1.0)}
"""Shares of the one recording: its first half trains, its second half judges."""

AROUND_US = 25_000
"""Events this long before and after a time tell the position at it: a window of 50 ms."""

LEAST_EVENTS = 10
"""Events that it takes to tell a position; between two times that have them it moves evenly."""


@dataclass(frozen=True)
class Track:
    """A recording in frames."""

    frames: np.ndarray
    """(F, 2, H, W) bool."""
    position: np.ndarray
    """(F, 2) float32: x, y at each frame's end, in [0, 1]: the median of the events around it."""
    label: int | None
    """None for what is none of the classes."""
    name: str
    hidden: np.ndarray | None = None
    """(F,) bool: frames in which it is fully hidden, where the recording's labels say so."""


def described_tracks(folder: str | Path, split: str, size: Size, frame_us: int) -> list[Track]:
    """The recordings of a split of a prepared folder, see `described`.

    Args:
        folder: its path, or its name below the folder of data sets.
        split: "train", "validation" or "test".
        size: of the sensor onto which the camera is fitted.
        frame_us: length of a frame.

    Raises:
        FileNotFoundError: there is no such folder.
        UserError: an empty split, or a recording that never tells where its object is.
    """
    return [_described_track(entry, size, frame_us) for entry in described(folder, split)]


def _described_track(entry: Described, size: Size, frame_us: int) -> Track:
    whole = read_events(entry.file)
    fitting = Fitting(whole.width, whole.height, size)
    first, end = round(entry.from_s * 1e6), round(entry.to_s * 1e6)
    frames = max(1, (end - first) // frame_us)
    last, when = min(end, first + frames * frame_us), whole.events["t"]
    events = fitting.fit(whole.events[(when >= first) & (when < last)])
    part = replace(whole, events=events, width=fitting.onto.width, height=fitting.onto.height)
    ends = first + frame_us * np.arange(1, frames + 1)
    if entry.at is None:
        position = told_by_events(part, ends) / np.array(fitting.onto)
    else:
        t, *xy = read_array(entry.at).T
        position = np.stack([np.interp(ends / 1e6, t, column) for column in xy], -1)
        position = fitting.share(position)
    hidden = np.zeros(frames, bool)
    for begin, until in entry.hidden:
        hidden |= (ends - frame_us >= begin * 1e6) & (ends <= until * 1e6)
    position = position.astype(np.float32)
    seen = replace(part, events=fitting.crowded(events, (events["t"] - first) // frame_us))
    cut = by_time(seen.events, frame_us, start_us=first, frames=frames)
    return Track(make_frames(seen, cut), position, entry.label, entry.file.stem, hidden)


def load_tracks(
    dataset: str, split: str, size: Size, frame_us: int, root: str | Path | None = None
) -> list[Track]:
    """The recordings of a split.

    Args:
        dataset: a key of `TRACK_CLASSES`.
        split: "train", "validation" or "test"; objects are judged in another session than they are
            learnt in, of which validation takes the end.
        size: of the sensor onto which the camera's 128 x 128 are fitted.
        frame_us: length of a frame.
        root: folder of data sets; None for the one that NEUROSVT_DATA names.

    Raises:
        FileNotFoundError: a recording is missing.
        UserError: an unknown split, or a damaged recording.
    """
    checked_split(split)
    if dataset == "pendulum":
        whole = track(_read("misc_pendulo", size, root), 0, frame_us)
        first, last = (round(share * len(whole.frames)) for share in PENDULUM[split])
        return [_part(whole, first, last)]
    tracks = []
    for name in SESSIONS["test" if split == "test" else "train"]:
        label = HANDHELD_CLASSES.index(name.rsplit("_", 1)[0])
        whole = track(_read(name, size, root), label, frame_us)
        kept = round(len(whole.frames) * (1 - HANDHELD_HELD_OUT))
        bounds = {"train": (0, kept), "validation": (kept, len(whole.frames))}
        tracks.append(_part(whole, *bounds.get(split, (0, len(whole.frames)))))
    return tracks


def of_classes(tracks: Iterable[Track]) -> tuple[list[Track], list[Track]]:
    """Those of the classes, and those of none of them."""
    tracks = list(tracks)
    known = [track for track in tracks if track.label is not None]
    return known, [track for track in tracks if track.label is None]


def track(recording: Recording, label: int, frame_us: int) -> Track:
    """A recording in frames, with the position of what it shows at every frame's end."""
    events = recording.events
    frames = make_frames(recording, by_time(events, frame_us))
    ends = events["t"].min() + frame_us * np.arange(1, len(frames) + 1)
    sides = (recording.width, recording.height)
    position = told_by_events(recording, ends) / sides
    return Track(frames, position.astype(np.float32), label, recording.name)


def told_by_events(recording: Recording, ends: np.ndarray) -> np.ndarray:
    """(F, 2) float64: x, y in pixels at times (F,), microseconds: the median of the events around.

    Raises:
        UserError: at no time are there enough of them.
    """
    low, high, xy = events_around(recording, ends)
    told = np.flatnonzero(high - low >= LEAST_EVENTS)
    if not len(told):
        raise UserError(
            f"{recording.name}: never {LEAST_EVENTS} events within 50 ms, so no position to tell"
        )
    middle = np.array([np.median(xy[low[f] : high[f]], axis=0) for f in told]) + 0.5
    steps = np.arange(len(ends))
    return np.stack([np.interp(steps, told, column) for column in middle.T], -1)


def events_around(
    recording: Recording, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events within `AROUND_US` of times (F,), microseconds: from and to, (F,) each, of (E, 2) x, y
    of all events in the order of time."""
    events = recording.events
    order = np.argsort(events["t"], kind="stable")
    t, xy = events["t"][order], np.stack([events["x"], events["y"]], -1)[order]
    low, high = (np.searchsorted(t, times + shift) for shift in (-AROUND_US, AROUND_US))
    return low, high, xy


def _read(name: str, size: Size, root: str | Path | None) -> Recording:
    return fit_to_sensor(read_events(find(f"dvs128_objects/aedat/{name}.aedat", root)), size)


def _part(whole: Track, first: int, last: int) -> Track:
    return Track(whole.frames[first:last], whole.position[first:last], whole.label, whole.name)
