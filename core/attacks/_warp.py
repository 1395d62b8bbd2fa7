"""Turning and shifting images with bilinear interpolation, differentiable in the angle and the shift."""

import numpy as np
import tensorflow as tf

from core.classifier import IMAGE

_HIGH, _WIDE, _ = IMAGE
_CENTRE = (_HIGH - 1) / 2  # the images are square: one number for rows and columns


def warp(x: tf.Tensor, angle: tf.Tensor, right: tf.Tensor, down: tf.Tensor) -> tf.Tensor:
    """x (n, 28, 28, 1), turned about its centre and then shifted: (n, 28, 28, 1).

    angle: radians, counterclockwise as one sees it; right, down: pixels; each (n,), positive or negative. What comes in
    from beyond the rim is black. At 0, 0, 0 every bit stays as it is, and whole pixels of a shift are exact. The
    gradient flows to angle, right and down, not to x.
    """
    rows, columns = np.meshgrid(np.arange(_HIGH), np.arange(_WIDE), indexing="ij")
    # Each pixel asks where it came from: the shift is taken back, then the turn.
    across = tf.constant(columns.ravel() - _CENTRE, tf.float32) - right[:, None]
    along = tf.constant(rows.ravel() - _CENTRE, tf.float32) - down[:, None]
    cos, sin = tf.cos(angle)[:, None], tf.sin(angle)[:, None]
    column = cos * across - sin * along + _CENTRE
    row = sin * across + cos * along + _CENTRE
    return tf.reshape(_bilinear(tf.stop_gradient(x), row, column), tf.shape(x))


def _bilinear(x: tf.Tensor, row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
    """The values (n, 784) of images x (n, 28, 28, 1) at fractional places row, column (n, 784)."""
    # A rim of black: places beyond it land on it, so that no mask is needed.
    wide = _WIDE + 3
    padded = tf.reshape(tf.pad(tf.squeeze(x, -1), [[0, 0], [1, 2], [1, 2]]), (-1,))
    row = tf.clip_by_value(row, -1.0, _HIGH) + 1.0
    column = tf.clip_by_value(column, -1.0, _WIDE) + 1.0
    top, left = tf.stop_gradient(tf.floor(row)), tf.stop_gradient(tf.floor(column))
    below, beside = row - top, column - left
    corner = tf.cast(top, tf.int32) * wide + tf.cast(left, tf.int32)
    corner += tf.range(tf.shape(x)[0])[:, None] * ((_HIGH + 3) * wide)  # one flat gather is twice as quick as batches
    upper = tf.gather(padded, corner) * (1 - beside) + tf.gather(padded, corner + 1) * beside
    lower = tf.gather(padded, corner + wide) * (1 - beside) + tf.gather(padded, corner + wide + 1) * beside
    return upper * (1 - below) + lower * below
