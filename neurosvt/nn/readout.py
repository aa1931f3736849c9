"""Which heads a model has, as plain data."""

from dataclasses import dataclass

from neurosvt.nn.heads import Heads
from neurosvt.nn.track_heads import TrackHeads


@dataclass(frozen=True)
class ReadoutConfig:
    """Shape of the heads."""

    width: int = 128
    """Of the hidden layers."""
    depth: int = 1
    """Hidden layers."""
    strengths: int = 0
    """Groups of memory channels whose strength the heads are told, from which they learn how long
    nothing has been seen; 0 for none."""
    by_group: bool = False
    """Channels are read relative to the strength of their own group, not of all together."""
    choice: int = 64
    """Width of the layer that chooses among tracks, where the memory has any."""
    carries: bool = False
    """Whether tracks offer where what they follow has carried what rests."""
    corrects: bool = False
    """Whether what tracks get wrong as a rule is learnt, and added."""

    def __post_init__(self) -> None:
        for name in ("width", "depth", "choice"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.strengths < 0:
            raise ValueError(f"strengths must not be below 0, got {self.strengths}")
        if self.by_group and not self.strengths:
            raise ValueError("by_group is for groups of channels, and strengths is 0")

    def build(self, channels: int, classes: int, tracks: int = 0) -> "Heads":
        """Heads that read so many channels, of which the last are tracks, and tell so many classes
        apart."""
        shape = (self.width, classes, self.depth, self.strengths)
        if not tracks:
            return Heads(channels, *shape, by_group=self.by_group)
        return TrackHeads(
            channels,
            *shape,
            by_group=self.by_group,
            tracks=tracks,
            choice=self.choice,
            carries=self.carries,
            corrects=self.corrects,
        )
