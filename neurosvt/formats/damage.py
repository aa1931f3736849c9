"""What an event file lacks, or has that cannot well be."""

from dataclasses import dataclass, field

LONG_GAP_US, LONG_FALL_US = 86_400_000_000, 1_000_000
"""Time without events, and time by which a clock is set back, that are worth a warning."""


@dataclass
class Damage:
    """What a file held that did not become an event; all zero for a sound one."""

    lost_bytes: int = 0
    """After the last whole record."""
    time_steps_back: int = 0
    """Times of events, or of a clock, that lie before the one that came first."""
    off_sensor: int = 0
    """Events outside the sensor that the file itself states; left out."""
    untimed: int = 0
    """Events before the first time; left out."""
    longest_gap_us: int = 0
    """Between one event and the next, if it is above `LONG_GAP_US`."""
    longest_fall_us: int = 0
    """By which the clock was set back, if it is above `LONG_FALL_US`."""
    notes: list[str] = field(default_factory=list)
    """What else there is to say, a line each."""

    def lines(self, off: str = "off the sensor") -> list[str]:
        """What to warn of; small steps of time back are a property of some cameras, told by
        `info`. `off` says where events lie that are on no sensor."""
        told = {
            "bytes at the end could not be read": self.lost_bytes,
            f"events lie {off}, and were left out": self.off_sensor,
            "events come before the first time": self.untimed,
        }
        lines = [f"{count:,} {what}" for what, count in told.items() if count]
        if self.longest_gap_us:
            lines.append(
                f"{_in_words(self.longest_gap_us)} pass between two events (--from and --to take "
                "a part)"
            )
        if self.longest_fall_us:
            lines.append(
                f"the clock was set back by {_in_words(self.longest_fall_us)}: what came later "
                "has earlier times (--sort orders them)"
            )
        return lines + self.notes


def _in_words(span_us: int) -> str:
    for name, unit in (("years", 365.25 * 86_400), ("days", 86_400), ("hours", 3600)):
        if span_us >= 2e6 * unit:
            return f"{span_us / 1e6 / unit:,.1f} {name}"
    return f"{span_us / 1e6:,.1f} s"
