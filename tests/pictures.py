"""Pictures of digits as visitors bring them, and how far two digits made of them are apart."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw


def drawn(mode: str, ink: Any, paper: Any, size: tuple[int, int] = (200, 260)) -> Image.Image:
    """A seven, drawn with a broad pen."""
    image = Image.new(mode, size, paper)
    pen = ImageDraw.Draw(image)
    pen.line([(60, 60), (140, 60), (90, 200)], fill=ink, width=18, joint="curve")
    return image


#: The seven in black on white.
SEVEN = drawn("L", 0, 255)


def as_bytes(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """Difference over the ink: 0 for the same picture, 1 for two without a common pixel.

    The centre may fall on either side of half a pixel, so a shift by one does not count.
    """
    shifts = [np.roll(second, (down, across), (0, 1)) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    return min(float(np.abs(first - other).sum() / max(first.sum() + other.sum(), 1e-9)) for other in shifts)
