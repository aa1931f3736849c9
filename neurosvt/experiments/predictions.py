"""What a trained model says of images and of recordings of one's own.

Axes: M images, C classes, Y X pixels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.datasets.any_image import ImageLike, named_pixels
from neurosvt.engine import Engine, LiveBelief
from neurosvt.events.recording import Fitting, Recording
from neurosvt.events.windows import EventWindow, TimeWindows, WindowCutter
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.recordings import open_recording
from neurosvt.loaders.images import normalise_images
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.nn.modes import in_eval_mode
from neurosvt.nn.weights import device_of
from neurosvt.presence import FORGOTTEN, PRESENCE_NAMES


@dataclass(frozen=True)
class ImagePrediction:
    """What a model says of one image."""

    name: str
    class_name: str
    """The most likely one."""
    probabilities: dict[str, float]
    """By class."""

    def row(self) -> dict[str, Any]:
        """Flat, for a file of results."""
        return {
            "file": self.name,
            "class": self.class_name,
            "probability": self.probabilities[self.class_name],
            **{f"probability_{name}": share for name, share in self.probabilities.items()},
        }


@dataclass(frozen=True)
class WindowPrediction:
    """What a model believes after a window of a stream of events, in the words of its classes and
    the pixels of the sensor; what nobody asks for is not computed."""

    window: int
    """Which of the stream, from 0; one that was dropped has its number too."""
    t_us: int
    """Where it ends, in the time of the events."""
    events: int
    """That fell within it."""
    live: LiveBelief
    """As the engine has it."""
    fitting: Fitting
    """How the sensor falls onto the square that the model sees."""
    names: Sequence[str]
    """Of the classes."""
    forgotten_below: float = FORGOTTEN
    """Probability of the most likely class below which what is hidden is forgotten."""

    @property
    def class_name(self) -> str:
        """The most likely class."""
        return self.names[self.live.label]

    @property
    def probability(self) -> float:
        """Of that class."""
        return float(self.live.probabilities[self.live.label])

    @property
    def probabilities(self) -> dict[str, float]:
        """By class, rounded."""
        shares = [round(share, 6) for share in self.live.probabilities.tolist()]
        return dict(zip(self.names, shares, strict=True))

    @property
    def position(self) -> tuple[float, float]:
        """x and y of the object's centre, in [0, 1] of the square that the model sees; rounded."""
        x, y = self.live.position
        return round(x, 6), round(y, 6)

    @property
    def pixel(self) -> tuple[float, float]:
        """The same in pixels of the sensor, rounded."""
        x, y = self.fitting.pixel(self.live.position)
        return round(x, 3), round(y, 3)

    @property
    def presence(self) -> str:
        """Whether there is anything to know of: one of `PRESENCE_NAMES`."""
        return PRESENCE_NAMES[self.live.presence]

    @property
    def presence_probability(self) -> float:
        """Of that, rounded."""
        return round(float(self.live.presence_probabilities[self.live.presence]), 6)

    @property
    def forgotten(self) -> bool:
        """Whether the object is hidden, and no class is likely any more."""
        return self.hidden and self.probability < self.forgotten_below

    @property
    def hidden(self) -> bool:
        """Whether the object is there, but out of sight."""
        return self.live.hidden

    @property
    def hidden_probability(self) -> float:
        """How likely it is, rounded."""
        return round(self.live.hidden_probability, 6)

    @cached_property
    def operations(self) -> int:
        """Synaptic operations of this step: additions that spikes made."""
        return self.live.operations.acs

    def row(self) -> dict[str, Any]:
        """Flat, for a file of results."""
        return {
            "window": self.window,
            "t_us": self.t_us,
            "events": self.events,
            "class": self.class_name,
            "probability": round(self.probability, 6),
            "x": self.position[0],
            "y": self.position[1],
            "x_px": self.pixel[0],
            "y_px": self.pixel[1],
            "presence": self.presence,
            "presence_probability": self.presence_probability,
            "forgotten": self.forgotten,
            "hidden": self.hidden,
            "hidden_probability": self.hidden_probability,
            "synops": self.operations,
            **{f"probability_{name}": share for name, share in self.probabilities.items()},
        }


def engine_for(model: nn.Module, window_ms: float | None = None) -> Engine:
    """Runs a model on windows of a stream; None for those of its own frame length.

    Raises:
        UserError: a model that watches no events, or a length that is none.
    """
    if not isinstance(model, NeuroSVT):
        raise UserError(f"a NeuroSVT watches events, not a {type(model).__name__}")
    if window_ms is not None and not 0 < window_ms < float("inf"):
        raise UserError(f"a window must be longer than 0 ms, got {window_ms}")
    return Engine(model, frame_ms=window_ms)


def names_of_classes(model: nn.Module, count: int) -> tuple[str, ...]:
    """What a model calls its classes; numbers where nobody named them."""
    names = getattr(model, "class_names", None) or ()
    return tuple(names) if len(names) == count else tuple(map(str, range(count)))


def window_prediction(
    window: EventWindow,
    belief: LiveBelief,
    fitting: Fitting,
    names: Sequence[str],
    forgotten_below: float = FORGOTTEN,
) -> WindowPrediction:
    """A belief after a window."""
    return WindowPrediction(
        window.index, window.end_us, len(window.events), belief, fitting, names, forgotten_below
    )


def checked_share(share: float) -> float:
    """`share` itself, if it is a probability that forgetting may begin at.

    Raises:
        UserError: it does not lie in [0, 1].
    """
    if not 0 <= share <= 1:
        raise UserError(f"forgotten_below must lie in 0 to 1, got {share:g}")
    return share


def predict_recording(
    model: nn.Module,
    recording: str | Path | Recording,
    *,
    every: int = 1,
    cutter: WindowCutter | None = None,
    forgotten_below: float = FORGOTTEN,
    options: ReadOptions = AS_STATED,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[WindowPrediction]:
    """Beliefs over time, one after another, in bounded memory; the last window is always told.

    Args:
        model: a NeuroSVT.
        recording: an event file of any format, or a recording.
        every: only every so many windows; the model sees them all.
        cutter: cuts the windows; None for those of the model's own frame length.
        forgotten_below: probability of the most likely class below which what is hidden is
            forgotten.
        options: how to read a file, where it does not say.
        say: told in a line of damage, guesses, gaps, and clocks that jump.

    Raises:
        FileNotFoundError, UserError: no such file, or none of events; another kind of model; an
            `every` below 1; a `forgotten_below` outside [0, 1].
    """
    checked_share(forgotten_below)
    if every < 1:
        raise UserError(f"every must be at least 1 window, got {every}")
    engine = engine_for(model)
    cutter = cutter or TimeWindows(round(engine.frame_ms * 1000), say=say)
    names = names_of_classes(model, engine.classes)
    told = partial(window_prediction, forgotten_below=forgotten_below)
    with open_recording(recording, options) as opened:
        fitting, session = opened.fitting(engine.sensor), engine.session()
        # One window is held back, for only then it is known whether it is the last.
        waiting: EventWindow | None = None
        for window in opened.windows(cutter, engine.sensor):
            if waiting is not None:
                seen = fitting.crowded(waiting.events)
                belief = session.push(seen, asked=waiting.index % every == 0)
                if belief is not None:
                    yield told(waiting, belief, fitting, names)
            waiting = window
        if waiting is not None:
            belief = session.push(fitting.crowded(waiting.events))
            assert belief is not None
            yield told(waiting, belief, fitting, names)
        for line in opened.damage():
            say(line)


@torch.no_grad()
def predict_images(
    model: nn.Module,
    images: ImageLike | Sequence[ImageLike],
    *,
    say: Callable[[str], None] = lambda line: None,
) -> list[ImagePrediction]:
    """The class of each image.

    Args:
        model: a classifier of images, such as a DySViT.
        images: one or several, as `datasets.any_image.pixels_of` takes them.
        say: told in a line what was cut off or resized.

    Raises:
        FileNotFoundError, UserError: no such file, or no image.
    """
    side = model.config.image_size  # type: ignore[union-attr]
    names, pixels = named_pixels(images, side, say)  # type: ignore[arg-type]
    with in_eval_mode([model]):
        scores = model(normalise_images(pixels).to(device_of(model)))
    shares = scores.float().softmax(1).cpu().numpy()
    classes = names_of_classes(model, shares.shape[1])
    return [
        ImagePrediction(
            name,
            classes[int(row.argmax())],
            {one: round(float(share), 6) for one, share in zip(classes, row, strict=True)},
        )
        for name, row in zip(names, np.asarray(shares), strict=True)
    ]
