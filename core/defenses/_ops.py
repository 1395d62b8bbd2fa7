"""What transforms are made of: TensorFlow operations on images (n, 28, 28, 1), each with the gradient it says."""

# TensorFlow's stubs take every static shape for one that may be missing, and know no custom gradients.
# pyright: reportReturnType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOptionalOperand=false, reportOperatorIssue=false

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter1d

from core.classifier import IMAGE


def straight_through(function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """function(x), with the gradient of the identity: backward pass differentiable approximation (BPDA).

    Athalye, Carlini and Wagner 2018, "Obfuscated gradients give a false sense of security", arXiv:1802.00420.
    """
    return approximated(function, lambda x, upstream: upstream, x)


def approximated(
    function: Callable[[tf.Tensor], tf.Tensor], back: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], x: tf.Tensor
) -> tf.Tensor:
    """function(x), where back(x, upstream) stands for its gradient."""

    @tf.custom_gradient
    def replaced(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        return function(x), lambda upstream: back(x, upstream)

    return replaced(x)


def as_if_blurred(function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """function(x), which smooths, with the gradient of a Gaussian blur of one pixel.

    As BPDA goes it is nearer to a denoiser than the identity is: PGD leaves a third fewer digits standing.
    """
    turned = blur(1.0).T
    return approximated(function, lambda x, upstream: by_matrices(turned, turned, upstream), x)


def blur(sigma: float) -> np.ndarray:
    """The matrix (28, 28) of a Gaussian blur along a line of pixels, mirrored at its ends."""
    # A blur is linear: its matrix is what it makes of the identity.
    return gaussian_filter1d(np.eye(IMAGE[0]), sigma, axis=0)


def boxed(x: tf.Tensor) -> tf.Tensor:
    """x clipped into [0, 1]. The gradient passes: an image's black and white pixels sit on the bounds."""
    return straight_through(lambda x: tf.clip_by_value(x, 0.0, 1.0), x)


def in_numpy(function: Callable[[np.ndarray], np.ndarray], x: tf.Tensor) -> tf.Tensor:
    """Each picture (28, 28) float32 in [0, 1] through a function of NumPy arrays, which has no gradient.

    Several threads may call it at once: the function must keep nothing.
    """

    def each(images: np.ndarray) -> np.ndarray:
        made = np.empty_like(images)
        for at, image in enumerate(np.clip(images, 0, 1)):
            made[at, ..., 0] = function(image[..., 0])
        return np.clip(made, 0, 1)

    return tf.ensure_shape(tf.numpy_function(each, [x], tf.float32, stateful=False), (None, *IMAGE))


def by_matrices(down: np.ndarray, across: np.ndarray, x: tf.Tensor) -> tf.Tensor:
    """x with `down` (28, 28) applied to each column of pixels and `across` (28, 28) to each row; an exact gradient."""
    columns = tf.linalg.matmul(tf.constant(down, tf.float32), x[..., 0])
    return tf.linalg.matmul(columns, tf.constant(across, tf.float32), transpose_b=True)[..., None]


def median(x: tf.Tensor, window: int) -> tf.Tensor:
    """The median of each window of pixels, mirrored at the rim, as SciPy's median_filter takes it.

    The gradient is exact, and shared evenly by the pixels of a window that are equal to its median: of a black
    background all are.
    """
    _, height, width, _ = x.shape
    before, after = window // 2, (window - 1) // 2
    framed = tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]], mode="SYMMETRIC")
    near = [framed[:, i : i + height, j : j + width] for i in range(window) for j in range(window)]
    return _middle(tf.concat(near, axis=-1))


@tf.custom_gradient
def _middle(values: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Of values (..., k) the middle one in order, the upper one of two: (..., 1)."""
    count = values.shape[-1]
    found = tf.math.top_k(values, k=count - count // 2).values[..., -1:]

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        equal = tf.cast(values == found, values.dtype)
        return upstream * equal / tf.reduce_sum(equal, axis=-1, keepdims=True)

    return found, gradient
