"""Image files of strangers, opened by Pillow within bounds."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from neurosvt.config import ConfigError, UserError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 1 << 26
"""Of an image: 8192 x 8192. Its size is stated in a few bytes, and would be made room for."""


def pillow() -> ModuleType:
    """`PIL.Image`.

    Raises:
        ConfigError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError("images need: pip install 'neurosvt[data]'") from error
    return Image


@contextmanager
def opened_image(source: Path | bytes, name: str) -> Iterator["Image"]:
    """An image, open while the block runs: pixels are decoded there.

    Args:
        source: its file, or what stands in it.
        name: what to call it.

    Raises:
        UserError: no image, a damaged one, or more than `MOST_PIXELS`.
        ConfigError: Pillow is not installed.
    """
    opener = pillow()
    try:
        with opener.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise opener.DecompressionBombError(f"{width} x {height}")
            yield image
    except (UserError, FileNotFoundError, PermissionError):
        raise
    except opener.DecompressionBombError as error:
        raise UserError(f"{name} has more than the {MOST_PIXELS:,} pixels that are read") from error
    except Exception as error:  # a damaged byte makes Pillow raise nearly anything
        raise UserError(f"{name} is no image, or a damaged one") from error
