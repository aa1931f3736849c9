"""Fewer events: without what looks like noise, and no more than so many a second.

Units: microseconds; pixels.
"""

from dataclasses import replace

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import Recording


def denoise(recording: Recording, support_us: int = 5_000) -> Recording:
    """Without events that no neighbour supports: none of the eight pixels around had one of either
    polarity in the `support_us` before.

    Events must be in order of time; of those at one time, the earlier in the file came first.

    Source: Delbruck, "Frame-free dynamic digital vision", 2008, sec. III A.

    Raises:
        UserError: a span below 1, or events whose times step back.
    """
    if support_us < 1:
        raise UserError(f"support_us must be at least 1, got {support_us}")
    events, stride = recording.events, recording.width + 2
    t = events["t"]
    if (t[1:] < t[:-1]).any():
        raise UserError(f"{recording.name or 'recording'}: times step back; sort the events")
    # A border of one pixel, so that no neighbour is a pixel of another row.
    pixel = (events["y"].astype(np.int64) + 1) * stride + events["x"] + 1
    order = np.argsort(pixel, kind="stable")  # within a pixel, in their order
    sorted_pixel = pixel[order]
    count, index = len(events), np.arange(len(events))
    key = sorted_pixel * count + order  # rising: where an event of a pixel stands in the file
    supported = np.zeros(count, bool)
    for step in (-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1):
        neighbour = pixel + step
        before = np.searchsorted(key, neighbour * count + index) - 1  # the last one before it
        found = before >= 0
        found[found] = sorted_pixel[before[found]] == neighbour[found]
        supported[found] |= t[found] - t[order[before[found]]] <= support_us
    return replace(recording, events=events[supported])


def limit_rate(recording: Recording, per_second: float, window_us: int = 10_000) -> Recording:
    """At most so many events a second: in every window that has more, evenly fewer of them, the
    first always among them. A window keeps at least one.

    Raises:
        UserError: a rate that is not above 0, or a window below 1.
    """
    if not per_second > 0:
        raise UserError(f"per_second must be above 0, got {per_second}")
    if window_us < 1:
        raise UserError(f"window_us must be at least 1, got {window_us}")
    events = recording.events
    if not len(events):
        return recording
    window = (events["t"] - events["t"].min()) // window_us
    order = np.argsort(window, kind="stable")
    _, first, size = np.unique(window[order], return_index=True, return_counts=True)
    within = np.arange(len(events)) - np.repeat(first, size)
    size = np.repeat(size, size)
    limit = np.minimum(size, max(1, int(per_second * window_us / 1e6)))
    kept = np.zeros(len(events), bool)
    # Of n events m stay: those at which m / n of their number passes a whole number.
    kept[order] = within * limit // size != (within - 1) * limit // size
    return replace(recording, events=events[kept])
