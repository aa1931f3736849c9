"""Videos as an event camera would have seen them.

The pixel model is eventcv's, after v2e (Hu, Liu & Delbruck, CVPRW 2021): between two frames the
light changes evenly, so a video of few frames a second gives events in bursts that are smoother
than the motion was.

Axes: T frames, Y X pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt.config import UserError
from neurosvt.events.recording import Recording, pack_events
from neurosvt.pictures import opened_image

STILLS = (".jpg", ".jpeg", ".png")
MOST_FILM_PIXELS = 1 << 31
"""Of all frames of a video: they are held in memory, a byte each."""


@dataclass(frozen=True)
class Video:
    """Grey frames at even intervals."""

    frames: np.ndarray
    """(T, Y, X) uint8 luminance."""
    fps: float | None
    """Frames per second; None where the file does not say."""
    name: str


def read_video(path: str | Path) -> Video:
    """An animated GIF, a folder of stills, or any video that PyAV reads.

    Raises:
        FileNotFoundError: there is none.
        UserError: it holds no frames, or what would read it is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no video {path}")
    if path.is_dir():
        frames, fps = _stills(path), None
    elif path.suffix.lower() == ".gif":
        frames, fps = _gif(path)
    else:
        frames, fps = _video(path)
    if len(frames) < 2:
        raise UserError(f"{path} holds {len(frames)} frames, and nothing moves in fewer than 2")
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        raise UserError(f"{path} holds frames of different sizes")
    return Video(np.stack(frames), fps, path.name)


def crop_video(video: Video, box: tuple[int, int, int, int], size: int, blur: float = 0.0) -> Video:
    """A part of a video, brought to a square sensor.

    Args:
        video: the whole.
        box: left, top, width and height, pixels.
        size: side of the sensor, pixels.
        blur: standard deviation of a Gaussian before that, pixels of the video: takes out the
            dither of palettes and the blocks of codecs, which would make events.

    Raises:
        UserError: a box that reaches beyond the frames.
    """
    from PIL import Image, ImageFilter

    left, top, width, height = box
    across, down = video.frames.shape[2], video.frames.shape[1]
    if min(left, top) < 0 or min(width, height) < 1 or left + width > across or top + height > down:
        raise UserError(f"--crop {box} reaches beyond the video's {across} x {down} pixels")
    small = []
    for frame in video.frames:
        image = Image.fromarray(frame).filter(ImageFilter.GaussianBlur(blur))
        part = image.crop((left, top, left + width, top + height))
        small.append(np.asarray(part.resize((size, size), Image.Resampling.BOX)))
    return replace(video, frames=np.stack(small))


def simulate_events(video: Video, *, noise_hz: float = 0.0, seed: int = 0) -> Recording:
    """What an event camera would have reported.

    Args:
        video: with its frame rate known.
        noise_hz: shot noise of a dark pixel, events a second.
        seed: of thresholds and noise.

    Raises:
        UserError: no frame rate, or eventcv is not installed.
    """
    if not video.fps:
        raise UserError(f"{video.name} does not say how many frames a second: add --fps")
    try:
        import eventcv
    except ImportError as error:
        raise UserError(
            "simulating events needs eventcv: pip install 'neurosvt[events]'"
        ) from error
    stream: Any = eventcv.simulate(
        video.frames, fps=video.fps, shot_noise_rate_hz=noise_hz, leak_rate_hz=0.0, seed=seed
    )
    x, y, t, p = stream.numpy().astype(np.int64).T
    events = pack_events(t, x, y, p)
    return Recording(events, video.frames.shape[2], video.frames.shape[1], name=video.name)


def record_video(
    video: Video,
    *,
    size: int = 64,
    fps: float | None = None,
    crop: Sequence[int] | None = None,
    frames: Sequence[int] | None = None,
    blur: float = 1.0,
    noise_hz: float = 0.0,
    seed: int = 0,
) -> Recording:
    """A video, or a part of it, as a square event camera would have seen it.

    Args:
        video: the whole.
        size: side of the sensor, pixels.
        fps: frames a second, where the video does not say, or instead of what it says.
        crop: left, top, width and height of the part, pixels; None for all.
        frames: first frame and the one after the last; None for all.
        blur: as in `crop_video`, pixels.
        noise_hz: shot noise of a dark pixel, events a second.
        seed: of thresholds and noise.

    Raises:
        UserError: a part that reaches beyond the video, a value out of range, no frame rate, or
            eventcv is not installed.
    """
    if size < 1 or min(blur, noise_hz, seed) < 0:
        raise UserError("--size must be at least 1, --blur, --noise-hz and --seed not below 0")
    if fps is not None and fps <= 0:
        raise UserError(f"--fps must be above 0, got {fps:g}")
    if frames is not None:
        first, last = frames
        if not 0 <= first < last - 1 or last > len(video.frames):
            raise UserError(f"--frames {first}:{last} are not two or more of {len(video.frames)}")
        video = replace(video, frames=video.frames[first:last])
    video = video if fps is None else replace(video, fps=fps)
    _, down, across = video.frames.shape
    left, top, width, height = crop or (0, 0, across, down)
    small = crop_video(video, (left, top, width, height), size, blur)
    return simulate_events(small, noise_hz=noise_hz, seed=seed)


def _stills(folder: Path) -> list[np.ndarray]:
    return _held(
        (_grey(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in STILLS), folder
    )


def _grey(path: Path) -> np.ndarray:
    with opened_image(path, str(path)) as image:
        return np.asarray(image.convert("L"))


def _gif(path: Path) -> tuple[list[np.ndarray], float | None]:
    from PIL import ImageSequence

    with opened_image(path, str(path)) as video:
        frames = _held((np.asarray(f.convert("L")) for f in ImageSequence.Iterator(video)), path)
        milliseconds = video.info.get("duration", 0)
    return frames, 1000 / milliseconds if milliseconds else None


def _held(frames: Iterable[np.ndarray], path: Path) -> list[np.ndarray]:
    """Frames, as many as memory is meant to hold."""
    held, pixels = [], 0
    for frame in frames:
        pixels += frame.size
        if pixels > MOST_FILM_PIXELS:
            raise UserError(
                f"{path} has more than {MOST_FILM_PIXELS:,} pixels in all: cut it shorter"
            )
        held.append(frame)
    return held


def _video(path: Path) -> tuple[list[np.ndarray], float | None]:
    try:
        import av
    except ImportError as error:
        raise UserError(f"reading {path} needs PyAV: pip install 'neurosvt[data]'") from error
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            decoded = (frame.to_ndarray(format="gray") for frame in container.decode(stream))
            frames = _held(decoded, path)
            rate = stream.average_rate
    except UserError:
        raise
    except Exception as error:  # a damaged byte makes PyAV raise nearly anything
        raise UserError(f"{path} is damaged, or no video") from error
    return frames, float(rate) if rate else None
