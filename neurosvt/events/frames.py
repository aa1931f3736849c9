"""Frames from events: first which frame every event falls into, then the frames.

    frames = make_frames(recording, by_time(recording.events, 10_000))

Every event falls into exactly one frame, however they are cut.

Axes: N events, T frames, 2 polarities (OFF, ON), H W sensor pixels. Units: microseconds.
"""

from dataclasses import dataclass

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import Recording

MAX_FRAME_BYTES = 4 << 30
"""Frames beyond this are refused: a recording that asks for them has a broken clock, or wants a
longer frame or to be cut."""


@dataclass(frozen=True)
class Cut:
    """Which frame each event falls into."""

    index: np.ndarray
    """(N,) int64, each in [0, frames)."""
    frames: int


def by_time(
    events: np.ndarray, frame_us: int, *, start_us: int | None = None, frames: int | None = None
) -> Cut:
    """Frames of equal time: t holds `start_us + t * frame_us <= time < ... + frame_us`.

    Args:
        events: (N,) of dtype `EVENT`, in any order of time.
        frame_us: length of a frame.
        start_us: start of the first frame; None for the earliest event.
        frames: T; None for as many as the events need.

    Raises:
        UserError: an event outside the given frames, or a frame length below 1.
    """
    if frame_us < 1:
        raise UserError(f"frame_us must be at least 1, got {frame_us}")
    start = int(events["t"].min(initial=2**62)) if start_us is None else start_us
    index = (events["t"] - start) // frame_us
    needed = int(index.max(initial=-1)) + 1
    if len(index) and index.min() < 0:
        raise UserError(f"start_us {start} comes after the first event at {events['t'].min()}")
    if frames is not None and needed > frames:
        raise UserError(f"events span {needed} frames of {frame_us} us, more than frames {frames}")
    return Cut(index, needed if frames is None else frames)


def by_count(events: np.ndarray, count: int) -> Cut:
    """Frames of equally many events, in their order; the last may hold fewer.

    Raises:
        UserError: a count below 1.
    """
    if count < 1:
        raise UserError(f"count must be at least 1 event, got {count}")
    return Cut(np.arange(len(events)) // count, -(-len(events) // count))


def into_times(events: np.ndarray, bins: int) -> Cut:
    """So many frames of equal time, from the first event to the last.

    Raises:
        UserError: fewer than 1.
    """
    if bins < 1:
        raise UserError(f"bins must be at least 1, got {bins}")
    if not len(events):
        return Cut(np.zeros(0, np.int64), bins)
    since = events["t"] - events["t"].min()
    # Whole numbers, so that no rounding puts the last event beyond the last frame; the quotient
    # first, so that none overflows.
    length, rest = divmod(int(since.max()) + 1, bins)
    if length == 0:  # less than a microsecond a frame
        return Cut(since * bins // rest, bins)
    starts = np.arange(1, bins) * length + np.arange(1, bins) * rest // bins
    return Cut(np.searchsorted(starts, since, side="right"), bins)


def into_counts(events: np.ndarray, bins: int) -> Cut:
    """So many frames of equally many events, as nearly as can be, in their order.

    Raises:
        UserError: fewer than 1.
    """
    if bins < 1:
        raise UserError(f"bins must be at least 1, got {bins}")
    return Cut(np.arange(len(events)) * bins // max(len(events), 1), bins)


def make_frames(recording: Recording, cut: Cut, *, counted: bool = False) -> np.ndarray:
    """Frames (T, 2, H, W): where at least one event fell, bool; or, `counted`, how many, uint16.

    Raises:
        UserError: frames of more than 4 GiB, or more than 65,535 events of one pixel in one frame.
    """
    shape = (cut.frames, 2, recording.height, recording.width)
    kind = np.dtype(np.uint16 if counted else np.bool_)
    if cut.frames * 2 * recording.height * recording.width * kind.itemsize > MAX_FRAME_BYTES:
        raise UserError(
            f"events span {cut.frames} frames of {recording.width} x {recording.height} pixels, "
            "more than fits; cut the recording or take longer frames"
        )
    events = recording.events
    cell = np.ravel_multi_index((events["p"].astype(np.intp), events["y"], events["x"]), shape[1:])
    cell += cut.index * (2 * recording.height * recording.width)
    frames = np.zeros(shape, kind)
    if not counted:
        frames.reshape(-1)[cell] = True
        return frames
    cells, counts = np.unique(cell, return_counts=True)
    if counts.max(initial=0) > np.iinfo(np.uint16).max:
        raise UserError(f"a pixel has {counts.max()} events in one frame; take shorter frames")
    frames.reshape(-1)[cells] = counts
    return frames
