"""Pictures as the browser's components take them: bytes in base64, a change as shares of its own largest entry."""

import base64

import numpy as np

TOUCHED = 0.5 / 255  # a pixel counts as touched from half a grey level on


def coded(array: np.ndarray) -> str:
    """An array's bytes, in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def grey(x: np.ndarray) -> str:
    """Images (n, 28, 28, 1) in [0, 1] as bytes, 784 each."""
    return coded(np.rint(255 * x).astype(np.uint8))


def quantised(change: np.ndarray) -> tuple[str, list[float]]:
    """Each row as int8 shares of its own largest entry, so that a small change keeps its shape; and those entries."""
    rows = change.reshape(len(change), -1)
    scales = np.abs(rows).max(axis=1)
    shares = np.rint(127 * rows / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    return coded(shares), scales.tolist()


def touched(change: np.ndarray) -> list[int]:
    """How many pixels of each image changed by half a grey level or more."""
    return (np.abs(change).reshape(len(change), -1) >= TOUCHED).sum(axis=1).tolist()
