"""Files that visitors upload as pictures: odd ones are read, the others refused with a reason."""

import contextlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core import digits
from core.errors import InputError
from tests.pictures import SEVEN, apart, as_bytes, drawn


def bomb(side: int) -> bytes:
    """A PNG that claims side x side pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


PNG = as_bytes(SEVEN)
GIF = as_bytes(SEVEN, "GIF", save_all=True, append_images=[Image.new("L", SEVEN.size, 0)] * 3)
JPEG = as_bytes(drawn("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)), "JPEG", quality=95)
TIFF = as_bytes(drawn("I;16", 0, 65535), "TIFF")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty"),
        (b"hello", "not a picture"),
        (b"%PDF-1.7 and so on", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (as_bytes(SEVEN, "EPS"), "not a picture"),  # Pillow would run Ghostscript on it
        (PNG + bytes(5 * 2**20), "at most 5 MB"),
        (bomb(6000), "too many pixels"),
        (bomb(100_000), "too many pixels"),
        (PNG[: len(PNG) // 2], "damaged or incomplete"),
        (as_bytes(SEVEN, "JPEG")[:900], "damaged or incomplete"),
        (PNG[:20], "not a picture|damaged"),
    ],
)
def test_an_upload_that_cannot_be_used(data, reason):
    with pytest.raises(InputError, match=reason) as refusal:
        digits.open_picture(data)
    assert str(refusal.value).endswith(".") and "Traceback" not in str(refusal.value)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_damaged_upload_never_ends_in_another_error(seed):
    random = np.random.default_rng(seed)
    data = bytearray(random.choice([PNG, GIF, JPEG, TIFF]))
    for place in random.integers(0, len(data), 8):
        data[place] = random.integers(256)
    with contextlib.suppress(InputError):
        digits.from_picture(digits.open_picture(bytes(data)))


@pytest.mark.parametrize(
    "data",
    [
        GIF,
        JPEG,
        TIFF,
        as_bytes(drawn("I;16", 0, 65535)),
        as_bytes(drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0))),
        as_bytes(drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)), "WEBP", lossless=True),
        as_bytes(SEVEN.convert("P"), "PNG", transparency=255),
        as_bytes(SEVEN, "BMP"),
        as_bytes(drawn("1", 0, 1), "TIFF"),
    ],
    ids=["animated", "CMYK", "16-bit TIFF", "16-bit PNG", "transparent", "WebP", "palette", "BMP", "1-bit TIFF"],
)
def test_an_odd_upload_is_read(data):
    assert apart(digits.from_picture(SEVEN), digits.from_picture(digits.open_picture(data))) < 0.05
