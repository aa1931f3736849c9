"""What the headers of Prophesee's files have in common: lines that begin with a per cent sign.

Source: the format pages of Prophesee's Metavision documentation ("RAW file format", "DAT file
format").
"""

import re
from typing import BinaryIO

from neurosvt.config import UserError
from neurosvt.formats.source import SensorSize

_LONGEST = 1 << 16
"""Bytes; a header that is longer is none."""


def read_header(stream: BinaryIO) -> dict[str, str]:
    """The header's lines by their first word, in lower case; the stream is left behind it.

    Raises:
        UserError: the header does not end.
    """
    fields: dict[str, str] = {}
    while True:
        start = stream.tell()
        line = stream.readline(_LONGEST)
        if not line.startswith(b"%") or start > _LONGEST:
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
    if found := re.fullmatch(r"(\d+)x(\d+)", fields.get("geometry", "")):
        return int(found[1]), int(found[2])
    stated = dict(re.findall(r"(width|height)=(\d+)", fields.get("format", "").lower()))
    stated |= {
        name: fields[name] for name in ("width", "height") if fields.get(name, "").isdecimal()
    }
    return (int(stated["width"]), int(stated["height"])) if len(stated) == 2 else None


def encoding(fields: dict[str, str]) -> str:
    """Which of the raw encodings a header states: "evt2", "evt2.1", "evt3", or "" if none."""
    stated = fields.get("format", "").split(";")[0].strip().lower()
    named = {"evt2": "evt2", "evt21": "evt2.1", "evt2.1": "evt2.1", "evt3": "evt3"}
    versions = {"2.0": "evt2", "2.1": "evt2.1", "3.0": "evt3"}
    return named.get(stated) or versions.get(fields.get("evt", ""), "")


def raw_header(name: str, sensor: SensorSize | None) -> bytes:
    """The header of a raw file of ours."""
    version = {"evt2": "2.0", "evt2.1": "2.1", "evt3": "3.0"}[name]
    stated = {"evt2": "EVT2", "evt2.1": "EVT21", "evt3": "EVT3"}[name]
    lines = [f"% evt {version}"]
    if sensor:
        width, height = sensor
        lines += [
            f"% format {stated};height={height};width={width}",
            f"% geometry {width}x{height}",
        ]
    return "".join(f"{line}\n" for line in [*lines, "% end"]).encode()
