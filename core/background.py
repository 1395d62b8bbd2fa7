"""What a photo shows where there is no ink: paper in uneven light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

FLAT = 0.01  # paper that is left this flat needs no better guess


def paper_of(light: np.ndarray, rim: float) -> np.ndarray | float:
    """The background of a photo: one lightness, or one for each pixel (height, width).

    light: (height, width) in [0, 1]; rim: the usual lightness at the picture's rim. Of three guesses the first is kept
    that leaves the paper flat: that lightness; a smooth surface, for a lamp from the side; and the picture with its
    narrow strokes filled in, for a shadow with an edge.
    """
    best, least = rim, float(np.quantile(np.abs(light - rim), 0.7))
    for guess in (_surface(light), _filled(light)):
        left = float(np.quantile(np.abs(light - guess), 0.7))
        if least > FLAT and left < min(0.4 * least, 0.06):
            best, least = guess, left
    return best


def _surface(light: np.ndarray) -> np.ndarray:
    """The cubic surface through the paper alone: (height, width)."""
    down, across = np.meshgrid(*(np.linspace(-1, 1, side) for side in light.shape), indexing="ij")
    basis = np.stack([down**i * across**j for i in range(4) for j in range(4 - i)], axis=-1)
    # A part of the pixels is enough to fit ten numbers.
    stride = max(max(light.shape) // 64, 1)
    terms = basis[::stride, ::stride].reshape(-1, basis.shape[-1])
    values = light[::stride, ::stride].reshape(-1).astype(np.float64)
    trusted = np.ones(len(values), bool)
    weights = np.zeros(basis.shape[-1])
    # Pixels far from the present fit are ink and have no say in the next one.
    for _ in range(8):
        weights = np.linalg.lstsq(terms[trusted], values[trusted], rcond=None)[0]
        distance = np.abs(values - terms @ weights)
        trusted = distance <= max(2.0 * float(np.median(distance)), 0.01)
    return (basis @ weights).astype(np.float32)


def _filled(light: np.ndarray) -> np.ndarray:
    """The picture without strokes narrower than three tenths of it, be they dark or light: (height, width)."""
    grey = Image.fromarray(np.round(light * 255).astype(np.uint8))
    calm = np.asarray(grey.filter(ImageFilter.GaussianBlur(1.5)), np.float32) / 255
    reach = max(round(0.15 * min(light.shape)), 1)
    closed = -_highest(-_highest(calm, reach), reach)
    opened = _highest(-_highest(-calm, reach), reach)
    # Filled in with the wrong one, the digit leaves a blot, which has an edge all round.
    paper = min(closed, opened, key=lambda each: np.abs(np.diff(each, axis=0)).sum() + np.abs(np.diff(each)).sum())
    return paper - np.float32(np.median(paper - light))


def _highest(values: np.ndarray, reach: int) -> np.ndarray:
    """The highest value within `reach` pixels, along both axes: (height, width)."""
    width = 2 * reach + 1
    for axis in (0, 1):
        found = np.moveaxis(
            np.pad(values, [(reach, reach) if each == axis else (0, 0) for each in (0, 1)], "edge"), axis, 0
        )
        span = 1
        while 2 * span <= width:  # the maxima of windows of 1, 2, 4, ... pixels
            found = np.maximum(found[:-span], found[span:])
            span *= 2
        rest = width - span
        found = np.maximum(found[: len(found) - rest], found[rest:])
        values = np.moveaxis(found, 0, axis)
    return values
