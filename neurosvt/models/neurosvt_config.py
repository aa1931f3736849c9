"""Shape and time constants of a NeuroSVT, as plain data; and the sizes that have names."""

import math
from dataclasses import dataclass, field
from typing import Literal

from neurosvt.config import Registry, UserError
from neurosvt.nn.embed import Windows
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.memory import MemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.token_neuron import NeuronConfig
from neurosvt.sides import Sides, Size


def positive(name: str, value: int | float) -> int | float:
    """`value` itself, if it is a number above 0; `name` is what a message calls it."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a number above 0, got {value}")
    return value


class Patched:
    """What follows from the settings of a model that looks at patches."""

    image_size: Size
    patch_size: int
    kernel_size: int
    least_events: int

    def windows(self) -> Windows:
        """What each token looks at."""
        return Windows(self.kernel_size, self.patch_size, self.least_events)

    @property
    def sensor(self) -> Sides:
        """Its pixels."""
        return Sides.of(self.image_size)

    @property
    def grid(self) -> Sides:
        """Patches across and down."""
        return Sides(*(side // self.patch_size for side in self.sensor))


@dataclass(frozen=True)
class NeuroSVTConfig(Patched):
    """Shape and time constants of one NeuroSVT."""

    kind: Literal["neurosvt"] = "neurosvt"
    """What tells its settings from those of other models."""
    image_size: Size = 64
    """Pixels per side of a square sensor, or width and height; other cameras are fitted onto it."""
    patch_size: int = 8
    """Pixels from one token to the next."""
    kernel_size: int = 16
    """Pixels per side that a token looks at: neighbours overlap where it exceeds the patch."""
    least_events: int = 3
    """Events in a token's window below which they are taken for sensor noise."""
    least_neighbours: int = 0
    """Events around an event below which it is taken for sensor noise, and not looked at at all; a
    hot pixel never has one."""
    classes: int = 8
    width: int = 64
    depth: int = 2
    heads: int = 4
    """Attention heads of a block."""
    mlp_ratio: float = 2.0
    neuron: NeuronConfig = field(default_factory=NeuronConfig)
    """Every spatial neuron."""
    memory: MemoryConfig = field(default_factory=LeakyMemoryConfig)
    """What the heads read: "leaky"; "lif", a learnt token of LIF neurons, as in the original
    proposal; "none", the present frame alone; or a kind of one's own."""
    readout: ReadoutConfig = field(default_factory=ReadoutConfig)
    """The heads: class, position, presence."""
    frame_ms: float = 10.0
    """Length of a time step: time constants are in steps of this length."""

    def __post_init__(self) -> None:
        for name in ("patch_size", "width", "depth", "heads", "mlp_ratio", "frame_ms"):
            positive(name, getattr(self, name))
        for side in self.sensor:
            if positive("image_size", side) % self.patch_size:
                raise ValueError(
                    f"image_size {side} is not a multiple of patch_size {self.patch_size}"
                )
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if not 0 <= self.least_neighbours <= 8:
            raise ValueError(f"least_neighbours must be 0 to 8, got {self.least_neighbours}")
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, got {self.classes}")
        self.windows()

    @property
    def patches(self) -> int:
        """Patches per frame."""
        return self.grid.area


def side_of_square(config: NeuroSVTConfig, what: str) -> int:
    """Pixels a side of its sensor, for what knows no other than squares.

    Raises:
        UserError: the sensor is no square; `what` begins the message.
    """
    if not config.sensor.square:
        raise UserError(f"{what} is for square sensors; this model's has {config.sensor} pixels")
    return config.sensor.width


# Widths, depths and heads of tiny, small and base as in the original proposal; dvs128 is for the
# camera of that name, with patches of 16 pixels: 64 tokens where the original had 1025.
SIZES: Registry[NeuroSVTConfig] = Registry(
    "size",
    {
        "tiny": NeuroSVTConfig(width=128, depth=3, heads=4, mlp_ratio=4.0),
        "small": NeuroSVTConfig(width=256, depth=4, heads=8, mlp_ratio=4.0),
        "base": NeuroSVTConfig(width=384, depth=6, heads=12, mlp_ratio=4.0),
        "dvs128": NeuroSVTConfig(
            image_size=128,
            patch_size=16,
            kernel_size=32,
            classes=11,
            width=192,
            depth=4,
            heads=3,
            mlp_ratio=4.0,
        ),
    },
)
