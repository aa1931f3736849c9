"""Images of strangers, within bounds."""

import struct
import zlib

import numpy as np
import pytest

from neurosvt.config import UserError
from neurosvt.pictures import opened_image

Image = pytest.importorskip("PIL.Image", reason="needs the extra data")


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, *more):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + b"\x10" * 96) * 32))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + pixels + chunk(b"IEND", b"")


def read(data, name="it"):
    with opened_image(data, name) as image:
        return np.asarray(image.convert("RGB"))


def test_an_image_is_read_from_bytes_and_from_a_file(tmp_path):
    assert read(png(32, 32)).shape == (32, 32, 3)
    path = tmp_path / "a.png"
    path.write_bytes(png(32, 32))
    assert (read(path) == 16).all()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (png(30_000, 30_000), "it has more than the 67,108,864 pixels"),
        (png(9_000, 9_000), "it has more than the 67,108,864 pixels"),
        (png(32, 32, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * (80 << 20)))), "no image"),
        (png(32, 32)[:60], "it is no image, or a damaged one"),
        (b"hello", "it is no image, or a damaged one"),
    ],
    ids=["huge", "large", "text", "cut", "other"],
)  # fmt: skip
def test_bombs_and_damage_are_told_in_a_line(data, said):
    with pytest.raises(UserError, match=said):
        read(data)


def test_a_refusal_of_ones_own_and_a_missing_file_pass_through(tmp_path):
    with (
        pytest.raises(UserError, match="mine"),
        opened_image(png(32, 32), "it"),
    ):
        raise UserError("mine")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.png")
