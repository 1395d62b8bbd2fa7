"""How a drawing or a photo becomes a digit: centred and scaled as MNIST was, whatever its paper, light or edge."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from core import digits
from core.errors import InputError
from tests.pictures import SEVEN, apart, as_bytes, drawn

ROW = st.integers(0, 4999)


def picture(row: int) -> Image.Image:
    """A bundled digit as a picture, 28 x 28, light on dark."""
    return Image.fromarray(np.round(digits.bundled().images[row, ..., 0] * 255).astype(np.uint8))


def test_digits_of_mnist_come_back_as_they_were():
    same = 0
    for row in range(0, 5000, 25):
        back = digits.from_picture(picture(row))
        assert back.shape == (28, 28, 1) and back.dtype == np.float32
        same += np.abs(back - digits.bundled().images[row]).max() < 0.02
    assert same >= 199


@given(ROW)
@settings(max_examples=40, deadline=None)
def test_dark_ink_on_light_is_the_same_digit(row):
    light_on_dark = picture(row)
    inverted = digits.from_picture(ImageOps.invert(light_on_dark))
    assert (
        np.abs(digits.from_picture(light_on_dark) - inverted).max() < 1.5 / 255
    )  # half a grey level rounds either way


@given(ROW, st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_where_the_digit_stands_does_not_matter(row, left, top, right, bottom):
    moved = ImageOps.expand(picture(row), (left, top, right, bottom), fill=0)
    np.testing.assert_array_equal(digits.from_picture(picture(row)), digits.from_picture(moved))


@given(ROW, st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_its_size_hardly_matters(row, times):
    large = picture(row).resize((28 * times, 28 * times), Image.Resampling.BICUBIC)
    assert apart(digits.from_picture(picture(row)), digits.from_picture(large)) < 0.25


@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.integers(1, 90), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_any_picture_gives_a_centred_digit_or_is_called_blank(seed, width, height, share):
    random = np.random.default_rng(seed)
    pixels = (random.random((height, width)) < share) * random.integers(0, 256, (height, width))
    try:
        digit = digits.from_picture(Image.fromarray(pixels.astype(np.uint8)))
    except InputError as refusal:
        assert "blank" in str(refusal)
        return
    assert digit.shape == (28, 28, 1) and digit.dtype == np.float32
    assert digit.min() >= 0 and digit.max() <= 1 and digit.sum() > 0
    np.testing.assert_array_equal(digit, (np.round(digit * 255) / 255).astype(np.float32))
    rows, columns = np.nonzero(digit[..., 0])
    assert np.ptp(rows) < 20 and np.ptp(columns) < 20


@pytest.mark.parametrize(
    "other",
    [
        drawn("1", 0, 1),
        drawn("L", 90, 255),
        drawn("RGB", (255, 230, 0), (255, 255, 255)),  # yellow on white differs in blue alone
        drawn("RGB", (255, 0, 0), (0, 118, 0)),  # red and green of nearly one lightness
        drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)),  # black ink on nothing
        drawn("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)),  # white ink on nothing
        drawn("RGBA", (20, 20, 20, 255), (250, 250, 250, 255)),
        drawn("LA", (0, 255), (0, 0)),
        drawn("RGB", (0, 0, 0), (255, 255, 255)).convert("P"),
        drawn("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)),
        drawn("YCbCr", (0, 128, 128), (255, 128, 128)),
        drawn("HSV", (0, 0, 0), (0, 0, 255)),
        drawn("LAB", (0, 128, 128), (255, 128, 128)),
        drawn("I", 0, 65535),
        drawn("F", 0.0, 1.0),
        drawn("I;16", 0, 65535),
        drawn("I;16", 30000, 65535),
    ],
    ids=lambda image: image.mode,
)
def test_every_mode_gives_the_same_digit(other):
    assert apart(digits.from_picture(SEVEN), digits.from_picture(other)) < 0.02


def test_a_sticker_with_a_paper_of_its_own():
    sticker = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    sticker.paste(drawn("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)), (100, 70))
    assert apart(digits.from_picture(SEVEN), digits.from_picture(sticker)) < 0.05


def test_turned_as_the_camera_was_held():
    turned = SEVEN.convert("RGB").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = as_bytes(turned, "JPEG", exif=exif, quality=95)
    for opened in (Image.open(io.BytesIO(file)), digits.open_picture(file)):
        assert apart(digits.from_picture(SEVEN), digits.from_picture(opened)) < 0.05


@pytest.mark.parametrize("seed", range(6))
def test_a_photo_in_uneven_light(seed):
    random = np.random.default_rng(seed)
    height, width = 600, 500
    ink = np.asarray(drawn("L", 255, 0).resize((width, height)), float) / 255
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    light = 0.65 + 0.2 * (np.cos(angle) * across + np.sin(angle) * down) - 0.1 * (across**2 + down**2)
    photo = light * (1 - 0.7 * ink) + random.normal(0, 0.02, ink.shape)
    file = as_bytes(Image.fromarray(np.uint8(np.clip(photo, 0, 1) * 255)), "JPEG", quality=80)
    plain = digits.from_picture(Image.fromarray(np.uint8(ink * 255)))
    assert apart(plain, digits.from_picture(digits.open_picture(file))) < 0.12


@pytest.mark.parametrize("angle", range(0, 360, 60))
def test_a_photo_with_the_edge_of_a_shadow(angle):
    """At these angles the edge crosses the digit, and the shadow takes up half of the paper."""
    height, width = 260, 200
    ink = np.asarray(drawn("L", 255, 0), float) / 255
    down, across = np.mgrid[:height, :width]
    distance = (across - 100) * np.cos(np.radians(angle)) + (down - 120) * np.sin(np.radians(angle))
    photo = (0.8 - 0.3 / (1 + np.exp(-distance / 4))) * (1 - 0.75 * ink)
    photo += np.random.default_rng(angle).normal(0, 0.015, ink.shape)
    seen = digits.from_picture(Image.fromarray(np.uint8(np.clip(photo, 0, 1) * 255)))
    assert apart(digits.from_picture(SEVEN), seen) < 0.2


def test_a_photo_cropped_to_its_ink():
    photo = np.asarray(drawn("L", 50, 200).crop((45, 45, 155, 215)), float)
    photo += np.random.default_rng(0).normal(0, 4, photo.shape)
    assert apart(digits.from_picture(SEVEN), digits.from_picture(Image.fromarray(np.uint8(photo)))) < 0.12


def test_the_edge_of_the_table_and_specks_are_no_ink():
    random = np.random.default_rng(0)
    photo = np.asarray(drawn("L", 40, 200), float) + random.normal(0, 4, (260, 200))
    photo[:, :12] = 30  # the table beside the paper
    photo[230:233, 150:153] = 60  # a crumb
    seen = digits.from_picture(Image.fromarray(np.uint8(np.clip(photo, 0, 255))))
    assert apart(digits.from_picture(SEVEN), seen) < 0.12


def test_a_thin_pen_is_widened():
    image = Image.new("L", (900, 900), 255)
    ImageDraw.Draw(image).line([(300, 100), (600, 100), (450, 800)], fill=0, width=8)
    digit = digits.from_picture(image)
    assert digit.max() == 1 and (digit > 0.5).sum() > 25


@pytest.mark.parametrize(
    "blank",
    [
        Image.new("L", (280, 280), 0),
        Image.new("RGB", (50, 30), (200, 10, 10)),
        Image.new("RGBA", (50, 30), (0, 0, 0, 0)),
        Image.new("L", (1, 1), 255),
        Image.new("I;16", (20, 20), 4000),
        Image.fromarray(np.random.default_rng(0).normal(180, 5, (300, 300)).clip(0, 255).astype(np.uint8)),
        Image.fromarray(np.linspace(60, 200, 300, dtype=np.uint8)[None].repeat(300, 0)),
    ],
    ids=["dark", "red", "transparent", "one pixel", "16-bit", "noise", "shade"],
)
def test_a_blank_picture_is_called_blank(blank):
    with pytest.raises(InputError, match="The picture is blank"):
        digits.from_picture(blank)
