"""An ideal event camera: log intensity in, binary event frames out.

Modelled, as in ESIM (Rebecq et al. 2018, sec. 3) and v2e (Hu, Liu & Delbruck 2021, sec. 4): a
threshold on the change of log intensity since the pixel's last event, thresholds that differ
between pixels, several events for a large change, a refractory period, background noise at a
fixed rate. Left out: the finite bandwidth of pixels in the dark, leak events, read-out jitter.

Axes: T frames, B batch, Y X pixels of the canvas (the sensor and a border around it that sees but
does not report, so that objects need no clipping).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Region = slice | np.ndarray | tuple[np.ndarray, np.ndarray, np.ndarray]
"""Pixels of a canvas, each at most once: all of them as `slice(None)`, their flat indices, or one
square per sequence as (row of the batch, top, left)."""

EVERYWHERE = slice(None)


class Canvas:
    """Pixels (B, Y, X) that are read and written a region at a time.

    Squares go through a view of all windows, which is several times faster than flat indices.

    Args:
        pixels: C-contiguous; the canvas writes to it.
        side: pixels per side of the squares.
    """

    def __init__(self, pixels: np.ndarray, side: int):
        self.pixels, self.side = pixels, side
        self.flat = pixels.reshape(-1)
        self.windows = sliding_window_view(pixels, (side, side), axis=(1, 2), writeable=True)

    def __getitem__(self, region: Region) -> np.ndarray:
        return self.windows[region] if isinstance(region, tuple) else self.flat[region]

    def __setitem__(self, region: Region, values: np.ndarray) -> None:
        (self.windows if isinstance(region, tuple) else self.flat)[region] = values

    def locate(self, region: Region, which: np.ndarray) -> np.ndarray:
        """Flat canvas indices of some of a region's pixels, given by their flat order in it."""
        if isinstance(region, slice):
            return which
        if isinstance(region, np.ndarray):
            chosen: np.ndarray = region[which]
            return chosen
        square, y, x = np.unravel_index(which, (len(region[0]), self.side, self.side))
        row, top, left = (part[square] for part in region)
        _, height, width = self.pixels.shape
        flat: np.ndarray = (row * height + top + y) * width + left + x
        return flat


class Sensor:
    """The pixels of a batch of event cameras, and the frames that they write their events to.

    Args:
        log_intensity: (B, Y, X) float32 of the canvas before the first substep. Each pixel starts
            at a random point between its thresholds, as one that has been watching for long.
        frames: (T, B, 2, H, W) bool, all False, C-contiguous, seen by the middle of the canvas;
            events are set to True, channel 0 OFF and 1 ON.
        threshold: change of log intensity that makes an event.
        mismatch: standard deviation between pixels, as a share of the threshold.
        refractory: substeps after an event's own in which its pixel is held in reset: it stays
            silent and its reference follows the light (Lichtsteiner et al. 2008, sec. III).
            0 lets a pixel fire at every substep.
        side: pixels per side of the squares that change.
        rng: draws the mismatch and the starting points.
    """

    def __init__(
        self,
        log_intensity: np.ndarray,
        frames: np.ndarray,
        *,
        threshold: float,
        mismatch: float,
        refractory: int,
        side: int,
        rng: np.random.Generator,
    ):
        shape = log_intensity.shape
        spread = 1 + mismatch * rng.standard_normal(shape, dtype=np.float32)
        thresholds = np.float32(threshold) * np.maximum(spread, np.float32(0.5))
        phase = rng.random(shape, dtype=np.float32) - np.float32(0.5)
        self.threshold = Canvas(thresholds, side)
        self.reference = Canvas(log_intensity + phase * thresholds, side)
        self.refractory = refractory
        self.awake_at = Canvas(np.zeros(shape, np.int64), side) if refractory else None
        self.frames, self.cells = frames, frames.reshape(-1)
        height, width = frames.shape[-2:]
        self.per_frame, self.on = frames[0].size, height * width
        top, left = (shape[1] - height) // 2, (shape[2] - width) // 2
        self.inside = np.s_[:, top : top + height, left : left + width]
        # Where in one frame a canvas pixel reports an OFF event; -1 for the border.
        home = np.full(shape, -1)
        home[self.inside] = np.arange(frames[0].size).reshape(frames.shape[1:])[:, 0]
        self.home = home.reshape(-1)

    def see(self, substep: int, frame: int, region: Region, log_intensity: np.ndarray) -> None:
        """Let a region see a new level at a substep; pixels outside it see no change.

        A pixel whose level has left its reference by n thresholds makes n events, of which the
        frame keeps that there were any, and its reference moves by n thresholds. Substeps only
        grow.
        """
        change = log_intensity - self.reference[region]
        if self.awake_at is not None:
            blind = self.awake_at[region] > substep
            self.reference[region] += np.where(blind, change, 0)
            change[blind] = 0
        threshold = self.threshold[region]
        if isinstance(region, slice):
            self._fire_everywhere(substep, frame, change, threshold)
            return
        fired = np.flatnonzero(np.abs(change) >= threshold)
        if not fired.size:
            return
        pixels = self.reference.locate(region, fired)
        change, threshold = change.reshape(-1)[fired], threshold.reshape(-1)[fired]
        self.reference.flat[pixels] += np.trunc(change / threshold) * threshold
        if self.awake_at is not None:
            self.awake_at.flat[pixels] = substep + 1 + self.refractory
        home = self.home[pixels]
        cell = home + self.on * (change > 0) + frame * self.per_frame
        self.cells[cell[home >= 0]] = True

    def _fire_everywhere(
        self, substep: int, frame: int, change: np.ndarray, threshold: np.ndarray
    ) -> None:
        """The end of `see` for the whole canvas, without index lists: most pixels fire at once."""
        crossings = np.trunc(change / threshold)
        self.reference.flat += crossings * threshold
        if self.awake_at is not None:
            self.awake_at.flat[crossings != 0] = substep + 1 + self.refractory
        crossings = crossings.reshape(self.reference.pixels.shape)[self.inside]
        self.frames[frame, :, 0] |= crossings < 0
        self.frames[frame, :, 1] |= crossings > 0


def add_noise(frames: np.ndarray, rate_hz: float, frame_us: int, rng: np.random.Generator) -> None:
    """Set events of random pixels, frames and polarity in `frames` (T, B, 2, H, W), in place.

    Args:
        frames: C-contiguous bool.
        rate_hz: Poisson rate per pixel, both polarities together.
        frame_us: length of a frame, microseconds.
        rng: draws them.
    """
    mean = rate_hz * frame_us * 1e-6 * (frames.size / 2)
    frames.reshape(-1)[rng.integers(0, frames.size, rng.poisson(mean))] = True


def add_hot_pixels(frames: np.ndarray, count: int, rng: np.random.Generator) -> None:
    """Let `count` random pixels of each sensor, the same throughout, report events in half of all
    frames (T, B, 2, H, W), whatever there is to see; in place."""
    if not count:
        return
    steps, batch, _, height, width = frames.shape
    at = rng.integers(0, height * width, (batch, count))
    step, row, which = np.nonzero(rng.random((steps, batch, count)) < 0.5)
    y, x = np.divmod(at[row, which], width)
    frames[step, row, rng.integers(0, 2, len(step)), y, x] = True
