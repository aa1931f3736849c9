"""The animated picture of the README: an object hides, and the model goes on saying where it is.

    python -m neurosvt.demo.animation docs/images/remember.gif
    python -m neurosvt.demo.animation docs/images/strip.png      # six moments of it, side by side

White is the true outline of the object, orange what the model believes: its class as a small shape,
at the believed position. Blue are the events of the camera, grey is what hides the object. Colours
are those of Okabe and Ito (2008), which colour-blind people tell apart.

Axes: T frames, C classes, H W pixels of the sensor, Y X pixels of the picture.
"""

import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from neurosvt.experiments.checkpoints import load
from neurosvt.files import write_whole
from neurosvt.scenes.sampling import DEFAULT_CONFIG, SHAPE_CLASSES, sample_objects
from neurosvt.scenes.scenes import TIERS, Scenes, make_scenes
from neurosvt.scenes.shapes import SILHOUETTES

ZOOM = 6
"""Pixels of the picture for one of the sensor, each way."""
SIDE = ZOOM * DEFAULT_CONFIG.side
MARGIN, PANEL, CAPTION = 16, 220, 44
SIZE = (3 * MARGIN + SIDE + PANEL, 2 * MARGIN + SIDE + CAPTION)
MERGED = 2
"""Frames of the camera in one picture."""
SHOWN_MS = 80
"""How long one picture is shown: four times as long as it took."""
ICON_RADIUS = 5.0
"""Of the believed class, pixels of the sensor."""

GROUND, STAGE, COVER = (15, 18, 23), (24, 28, 35), (62, 70, 82)
INK, SOFT = (236, 239, 244), (150, 158, 172)
BELIEF, ON, OFF = (230, 159, 0), (86, 180, 233), (0, 114, 178)


@dataclass(frozen=True)
class Shot:
    """One sequence with the truth, and what a model said of it."""

    title: str
    scenes: Scenes
    radius: float
    """Of the circle around the object, pixels of the sensor."""
    angle: float
    """Turn of the object, radians."""
    probabilities: np.ndarray
    """(T, C)"""
    position: np.ndarray
    """(T, 2): believed x, y as shares of the sensor."""
    start: int = 0
    """First frame that is drawn."""

    def pictures(self) -> list[Image.Image]:
        """One for every `MERGED` frames."""
        steps = range(self.start + MERGED - 1, len(self.scenes.frames), MERGED)
        return [draw_picture(self, t) for t in steps]


@torch.no_grad()
def film_scene(
    model: nn.Module,
    title: str,
    tier: str,
    *,
    seed: int,
    seen: int,
    hidden: int,
    after: int,
    start: int = 0,
) -> Shot:
    """Show a model one scene and keep what it says; arguments as of `make_scenes` and `Shot`."""
    scenes = make_scenes(tier, seed, 1, seen=seen, hidden=hidden, after=after)
    # `make_scenes` draws its objects from the first of four streams: they depend on the seed alone.
    objects = sample_objects(np.random.default_rng(seed).spawn(4)[0], 1, DEFAULT_CONFIG)
    belief, _ = model(torch.from_numpy(scenes.frames))
    return Shot(
        title=title,
        scenes=scenes,
        radius=float(TIERS[tier].scale * objects.radius[0]),
        angle=float(objects.angle[0]),
        probabilities=belief.class_logits[:, 0].softmax(-1).numpy(),
        position=belief.position[:, 0].numpy(),
        start=start,
    )


def draw_picture(shot: Shot, t: int) -> Image.Image:
    """The picture that ends with frame t: the sensor, the beliefs beside it, a line below."""
    picture = Image.new("RGB", SIZE, GROUND)
    picture.paste(Image.fromarray(_sensor(shot, t)), (MARGIN, MARGIN))
    pen = ImageDraw.Draw(picture)
    _draw_beliefs(pen, shot, t)
    _draw_caption(pen, shot, t)
    return picture


def _sensor(shot: Shot, t: int) -> np.ndarray:
    """(Y, X, 3) bytes: events, occluder, true outline and believed class."""
    canvas = np.empty((DEFAULT_CONFIG.side, DEFAULT_CONFIG.side, 3))
    canvas[:] = STAGE
    canvas[_covered(shot.scenes.occluder[t, 0])] = COVER
    # The picture before shines on, weaker, so that the eye sees motion.
    for begin, strength in ((t - 2 * MERGED + 1, 0.35), (t - MERGED + 1, 1.0)):
        frames = shot.scenes.frames[max(begin, 0) : max(begin + MERGED, 0), 0]
        for polarity, colour in ((0, OFF), (1, ON)):
            fired = frames[:, polarity].any(0)
            canvas[fired] += strength * (np.array(colour) - canvas[fired])
    canvas = canvas.repeat(ZOOM, 0).repeat(ZOOM, 1)
    truth = SHAPE_CLASSES[shot.scenes.label[t, 0]]
    edge = _distance(truth, shot.scenes.position[t, 0], shot.radius, shot.angle)
    _blend(canvas, INK, np.clip(1.6 - np.abs(edge), 0, 1))
    believed = SHAPE_CLASSES[shot.probabilities[t].argmax()]
    inside = _distance(believed, shot.position[t], ICON_RADIUS, 0.0)
    _blend(canvas, GROUND, np.clip(2.5 - inside, 0, 1))
    _blend(canvas, BELIEF, np.clip(0.5 - inside, 0, 1))
    return canvas.round().astype(np.uint8)


def _covered(occluder: np.ndarray) -> np.ndarray:
    """(H, W): the pixels behind the two bands of `Scenes.occluder`."""
    middle = (np.arange(DEFAULT_CONFIG.side) + 0.5) / DEFAULT_CONFIG.side
    along = occluder[0] * middle[None, :] + occluder[1] * middle[:, None]
    (a, b), (c, d) = occluder[3:5], occluder[5:7]
    covered: np.ndarray = ((a <= along) & (along < b)) | ((c <= along) & (along < d))
    return covered


def _distance(name: str, position: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """(Y, X): how far outside a shape's outline each pixel of the picture lies, in such pixels."""
    middle = (np.arange(SIDE) + 0.5) / SIDE
    x, y = (middle[None, :] - position[0]) * SIDE, (middle[:, None] - position[1]) * SIDE
    x, y = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    scale = ZOOM * radius
    return SILHOUETTES[name](x / scale, y / scale) * scale


def _blend(canvas: np.ndarray, colour: tuple[int, int, int], share: np.ndarray) -> None:
    canvas += share[..., None] * (np.array(colour) - canvas)


def _draw_beliefs(pen: ImageDraw.ImageDraw, shot: Shot, t: int) -> None:
    """A bar for every class, the believed one in orange."""
    left, top = 2 * MARGIN + SIDE, MARGIN
    pen.text((left, top), shot.title, INK, _font(17, bold=True))
    pen.text((left, top + 30), "what the model believes", SOFT, _font(13))
    likeliest, truth = shot.probabilities[t].argmax(), shot.scenes.label[t, 0]
    for index, (name, share) in enumerate(zip(SHAPE_CLASSES, shot.probabilities[t], strict=True)):
        y = top + 58 + 34 * index
        colour = BELIEF if index == likeliest else SOFT
        pen.text((left, y), name, INK if index == truth else SOFT, _font(15))
        pen.rectangle((left + 76, y + 2, left + PANEL, y + 17), STAGE)
        width = round((PANEL - 76) * float(share))
        if width:
            pen.rectangle((left + 76, y + 2, left + 76 + width, y + 17), colour)
    y = top + SIDE - 42
    for line, colour in (("outline: the truth", INK), ("orange: the belief", BELIEF)):
        pen.text((left, y), line, colour, _font(14))
        y += 22


def _draw_caption(pen: ImageDraw.ImageDraw, shot: Shot, t: int) -> None:
    """Whether the object is in view, and how good the belief is."""
    y = 2 * MARGIN + SIDE + 2
    off = np.linalg.norm(shot.position[t] - shot.scenes.position[t, 0]) * DEFAULT_CONFIG.side
    name = SHAPE_CLASSES[shot.probabilities[t].argmax()]
    pen.text((MARGIN, y), visibility(shot.scenes, t), INK, _font(20, bold=True))
    said = f"belief: {name}, {off:.1f} of {DEFAULT_CONFIG.side} pixels off"
    font = _font(17)
    pen.text((SIZE[0] - MARGIN - font.getlength(said), y + 2), said, BELIEF, font)


def visibility(scenes: Scenes, t: int) -> str:
    """What the eye has of the first sequence's object at frame t, in words."""
    (occlusion,) = scenes.occlusions
    if t <= occlusion.seen[0]:
        return "in view"
    if t < occlusion.first:
        return "going out of view"
    if t > occlusion.last:
        return "in view again"
    return f"hidden for {(t + 1 - occlusion.first) * DEFAULT_CONFIG.frame_us / 1e6:.1f} s"


def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font that matplotlib brings along, so that every machine draws the same."""
    family = font_manager.FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return ImageFont.truetype(font_manager.findfont(family), size)


def behind_a_curtain(model: nn.Module) -> Shot:
    """The first shot of the README."""
    return film_scene(model, "behind a curtain", "curtain", seed=11, seen=24, hidden=60, after=24)


def draw_strip(shot: Shot) -> Image.Image:
    """Moments of a shot side by side: in view, going, hidden from the first frame to the last, and
    back."""
    (occlusion,) = shot.scenes.occlusions
    first, last = occlusion.first, occlusion.last
    moments = (int(occlusion.seen[0]), first - 3, first, (first + last) // 2, last, last + 12)
    side = SIDE // 2
    strip = Image.new(
        "RGB", (len(moments) * (side + MARGIN) + MARGIN, side + 2 * MARGIN + CAPTION), GROUND
    )
    pen = ImageDraw.Draw(strip)
    for index, t in enumerate(moments):
        left = MARGIN + index * (side + MARGIN)
        picture = Image.fromarray(_sensor(shot, t)).resize((side, side), Image.Resampling.LANCZOS)
        strip.paste(picture, (left, MARGIN))
        pen.text((left, side + MARGIN + 6), visibility(shot.scenes, t), INK, _font(14, bold=True))
        believed = SHAPE_CLASSES[shot.probabilities[t].argmax()]
        pen.text((left, side + MARGIN + 26), f"belief: {believed}", BELIEF, _font(14))
    return strip


def write_strip(path: str | Path) -> None:
    """Draw the strip of the first shot with the shipped model and write it as PNG."""
    whole = BytesIO()
    draw_strip(behind_a_curtain(load("permanence").model)).quantize(64).save(whole, "PNG")
    write_whole(Path(path), whole.getvalue())


def write_animation(path: str | Path) -> None:
    """Draw the two shots of the README with the shipped model and write them as one GIF."""
    model = load("permanence").model
    curtain = behind_a_curtain(model)
    tunnel = film_scene(
        # It rests before it comes to the wall: that is left out.
        model, "behind a tunnel wall", "tunnel", seed=16, seen=12, hidden=40, after=44, start=26,
    )  # fmt: skip
    pictures = [*curtain.pictures(), *tunnel.pictures()]
    # One palette for all: colours do not flicker, and what stays the same costs nothing.
    palette = pictures[len(pictures) // 3].quantize(64)
    pictures = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in pictures]
    whole = BytesIO()
    pictures[0].save(
        whole, "GIF", save_all=True, append_images=pictures[1:], duration=SHOWN_MS, loop=0,
        optimize=True,
    )  # fmt: skip
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_whole(Path(path), whole.getvalue())


if __name__ == "__main__":
    for path in sys.argv[1:]:
        (write_strip if path.endswith(".png") else write_animation)(path)
