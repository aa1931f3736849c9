"""What the headers of Prophesee's files have in common: lines that begin with a per cent sign.

Source: the format pages of Prophesee's Metavision documentation ("RAW file format", "DAT file
format").
"""

import re
from typing import BinaryIO

from neurosvt.config import UserError
from neurosvt.formats.about import FILE, FORMAT, About
from neurosvt.formats.source import SensorSize

_FRAMES = {
    "histo3d": "frames of counts", "diff3d": "frames of differences", "mtr": "frames",
    "mtru": "frames", "aer-4b": "addresses of 4 bytes", "aer-8b": "addresses of 8 bytes",
}  # fmt: skip
"""Formats that such a header may state and that are no streams of events that we read."""
_LONGEST = 1 << 16
"""Bytes; a header that is longer is none."""
ENCODINGS = {
    "evt2": ("2.0", "EVT2"), "evt2.1": ("2.1", "EVT21"), "evt3": ("3.0", "EVT3"),
    "evt4": ("4.0", "EVT4"),
}  # fmt: skip
"""What a raw header calls each of our formats: as a version, and as a format."""
VGA, HD = (640, 480), (1280, 720)
SYSTEMS: dict[int, tuple[str, SensorSize]] = {
    **dict.fromkeys((20,), ("Gen2", VGA)),
    **dict.fromkeys((21, 23, 25, 29, 33, 151, 153, 161), ("Gen3.0", VGA)),
    **dict.fromkeys((28, 34, 35, 40, 41, 162), ("Gen3.1", VGA)),
    **dict.fromkeys((26, 30, 31, 32, 46, 154), ("Gen4.0", HD)),
    **dict.fromkeys((39, 48), ("Gen4.1", HD)),
    **dict.fromkeys((49, 50, 53, 58), ("IMX636", HD)),
    **dict.fromkeys((52, 54), ("IMX637", VGA)),
    64: ("GenX320", (320, 320)),
}
"""Sensor of each `system_ID`, which old headers give instead of a geometry. Source: OpenEB, list of
systems and the header's reader."""


def read_header(stream: BinaryIO) -> dict[str, str]:
    """The header's lines by their first word, in lower case; the stream is left behind it.

    Raises:
        UserError: the header does not end.
    """
    fields: dict[str, str] = {}
    while True:
        start = stream.tell()
        line = stream.readline(_LONGEST)
        # Data may begin with the byte of "%" where a header has no end mark; they are no text.
        text = re.fullmatch(rb"%[\t -~]*\r?\n?", line)
        if not text or start > _LONGEST:
            stream.seek(start)
            return fields
        if not line.endswith(b"\n"):
            raise UserError("its header does not end")
        words = line[1:].decode("latin-1").strip().split(maxsplit=1)
        if words == ["end"]:
            return fields
        if words:
            fields[words[0].lower()] = words[1] if len(words) > 1 else ""


def geometry(fields: dict[str, str]) -> SensorSize | None:
    """The sensor, in whichever of their ways a header states it; None where it does not."""
    if found := re.fullmatch(r"(\d{1,9})x(\d{1,9})", fields.get("geometry", "")):
        return int(found[1]), int(found[2])
    stated = dict(re.findall(r"(width|height)=(\d{1,9})(?!\d)", fields.get("format", "").lower()))
    stated |= {
        name: fields[name]
        for name in ("width", "height")
        if re.fullmatch(r"\d{1,9}", fields.get(name, ""))
    }
    return (int(stated["width"]), int(stated["height"])) if len(stated) == 2 else None


def stated_sensor(fields: dict[str, str]) -> tuple[SensorSize | None, About]:
    """The sensor and who said so: its geometry, or else the system that recorded it."""
    number = fields.get("system_id", "")
    name, size = SYSTEMS.get(int(number) if re.fullmatch(r"\d{1,9}", number) else -1, (None, None))
    stated = geometry(fields)
    about = About(sensor_from=FILE if stated else FORMAT, camera=name, camera_from=name and FILE)
    return stated or size, about


def encoding(fields: dict[str, str]) -> str:
    """Which of the raw encodings a header states: "evt2", "evt2.1", "evt3", "evt4", or "" if none.

    Raises:
        UserError: one that is known and not read.
    """
    stated = fields.get("format", "").split(";")[0].strip().lower()
    if stated in _FRAMES:
        raise UserError(f"holds {_FRAMES[stated]} ({stated.upper()}), not events")
    called = {name: name for name in ENCODINGS}
    called |= {word.lower(): name for name, (_, word) in ENCODINGS.items()}
    versions = {version: name for name, (version, _) in ENCODINGS.items()}
    return called.get(stated) or versions.get(fields.get("evt", ""), "")


def raw_header(name: str, sensor: SensorSize | None, *more: str) -> bytes:
    """The header of a raw file of ours; `more` are further lines of it."""
    version, stated = ENCODINGS[name]
    lines = [f"% evt {version}"]
    if sensor:
        width, height = sensor
        lines += [
            f"% format {stated};height={height};width={width}",
            f"% geometry {width}x{height}",
        ]
    return "".join(
        f"{line}\n" for line in [*lines, *(f"% {line}" for line in more), "% end"]
    ).encode()
