"""The last hidden layer of a network: where detectors look for what pixels do not show."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from core import lowering
from core.classifier import BATCH, CLASSES, Classifier
from core.errors import InputError

Function = Callable[[tf.Tensor], tf.Tensor]

_WIDEST = 4096  # features: their covariance takes 134 MB then, and the digits' features some 60


def halves(model: Classifier, back: int = 1) -> tuple[Function, Function]:
    """The network in two: images (n, 28, 28, 1) -> features (n, d), and features (n, d) -> logits (n, 10).

    The features are those of the hidden layer so many from the end, 1 for the last, or of the first where there are
    fewer: what the layers with a kernel that come after it read. InputError where the network is no plain chain of
    layers, has no hidden layer, or has too many features there.
    """
    layers = lowering.chain(model.keras)
    if layers is None:
        raise InputError(
            f"The network {model.name!r} is no plain chain of layers, and a detector that looks at a hidden layer "
            "needs one. Choose a network in which each layer feeds the next."
        )
    weighing = [at for at, layer in enumerate(layers) if hasattr(layer, "kernel")]
    if len(weighing) < 2:
        raise InputError(
            f"The network {model.name!r} has no hidden layer, and this detector looks at one. Choose a network that "
            "has, or a detector that looks at the picture or the prediction."
        )
    after = layers[weighing[max(-back, 1 - len(weighing))] :]
    shape = tuple(after[0].input.shape[1:])
    width = int(np.prod(shape))
    if width > _WIDEST:
        raise InputError(
            f"The hidden layer of {model.name!r} has {width:,} features; a detector can look at {_WIDEST:,} at most. "
            "Choose another layer, or a detector that looks at the picture or the prediction."
        )
    body = lowering.forward(keras.Model(model.keras.inputs, after[0].input))

    def logits(flat: tf.Tensor) -> tf.Tensor:
        h = tf.reshape(flat, (-1, *shape))
        for layer in after:
            h = layer(h, training=False)
        return h

    return lambda x: tf.reshape(body(x), (-1, width)), logits


def of(features: Function, x: np.ndarray) -> np.ndarray:
    """The features of many images (n, 28, 28, 1): (n, d) float32."""
    return np.concatenate([features(tf.constant(x[at : at + BATCH])).numpy() for at in range(0, len(x), BATCH)])


def squared_distances(points: tf.Tensor, crowd: tf.Tensor) -> tf.Tensor:
    """Between points (n, d) and crowd (m, d): (n, m), up to the rounding of their squared lengths, never below 0."""
    lengths = tf.reduce_sum(points * points, axis=1, keepdims=True), tf.reduce_sum(crowd * crowd, axis=1)
    return tf.maximum(lengths[0] + lengths[1] - 2.0 * tf.matmul(points, crowd, transpose_b=True), 0.0)


def by_class(points: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The points (n, d) of each class in turn; InputError where a class has none."""
    missing = sorted(set(range(CLASSES)) - set(labels.tolist()))
    if missing:
        raise InputError(
            f"Among the digits to learn from there is no {missing[0]}; this detector needs some of every class."
        )
    return [points[labels == each] for each in range(CLASSES)]
