"""The gradient of each digit of a batch by itself, by the weights of a network: how long it is, and cut to a length."""

# TensorFlow's stubs take every static shape for one that may be missing.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from core import lowering
from core.errors import InputError
from core.objectives import cross_entropy


class _Met(NamedTuple):
    """What a layer met: the rows (n, places, d) that its kernel is multiplied with, and the products (n, ..., c)."""

    layer: Any
    rows: tf.Tensor
    products: tf.Tensor


def clipped(
    model: keras.Model, x: tf.Tensor, y: tf.Tensor, length: float
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Batch (n, 28, 28, 1), classes int (n,) -> the cross-entropies (n,), the logits (n, 10), and the mean over the
    digits of the gradient by each trainable weight, where each digit's is cut to that L2 norm first.

    A kernel's gradient is the sum over its places of an outer product, row by slope, so one backward pass for all
    digits tells each one's apart. InputError where the network is no chain or learns in other layers than these.
    """
    met: list[_Met] = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        h = x
        for layer in _layers(model):
            if not _weighs(layer):
                h = layer(h, training=True)
                continue
            products = _multiplied(layer, h)
            tape.watch(products)
            met.append(_Met(layer, tf.stop_gradient(_rows(layer, h)), products))
            h = layer.activation(products + layer.bias if layer.use_bias else products)
        losses = cross_entropy(h, y)
    slopes = tape.gradient(losses, [each.products for each in met])
    slopes = [
        tf.reshape(slope, (-1, each.rows.shape[1], slope.shape[-1])) for each, slope in zip(met, slopes, strict=True)
    ]
    squares = tf.add_n([_square(each, slope) for each, slope in zip(met, slopes, strict=True)])
    factor = tf.minimum(1.0, length * tf.math.rsqrt(tf.maximum(squares, 1e-20))) / tf.cast(tf.size(losses), tf.float32)
    found: dict[int, tf.Tensor] = {}
    for each, slope in zip(met, slopes, strict=True):
        scaled = slope * factor[:, None, None]
        found[id(each.layer.kernel)] = tf.reshape(
            tf.tensordot(each.rows, scaled, ((0, 1), (0, 1))), each.layer.kernel.shape
        )
        if each.layer.use_bias:
            found[id(each.layer.bias)] = tf.reduce_sum(scaled, axis=(0, 1))
    return losses, h, [found[id(variable)] for variable in model.trainable_variables]


def _layers(model: keras.Model) -> list[Any]:
    """The network's layers, or InputError where some of its weights are learnt in a way that is not known here."""
    layers = lowering.chain(model)
    if layers is None:
        raise InputError(
            f"The network {model.name!r} is no plain chain of layers, and this training needs one to tell the "
            "gradients of a batch's digits apart. Choose a network in which each layer feeds the next."
        )
    for layer in layers:
        if layer.trainable_variables and not _weighs(layer):
            raise InputError(
                f"The layer {layer.name!r} is of type {type(layer).__name__}, and this training can tell the gradients "
                "of a batch's digits apart in Dense and plain Conv2D layers alone. Choose a network without it."
            )
    return layers


def _weighs(layer: Any) -> bool:
    if type(layer) is keras.layers.Conv2D:
        return layer.groups == 1 and layer.data_format == "channels_last"
    return type(layer) is keras.layers.Dense


def _multiplied(layer: Any, h: tf.Tensor) -> tf.Tensor:
    """h times the layer's kernel: (n, ..., c)."""
    if isinstance(layer, keras.layers.Dense):
        return tf.tensordot(h, layer.kernel, 1)
    return tf.nn.conv2d(h, layer.kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)


def _rows(layer: Any, h: tf.Tensor) -> tf.Tensor:
    """What the kernel is multiplied with at each place: (n, places, d)."""
    if isinstance(layer, keras.layers.Conv2D):
        sizes, strides, rates = ([1, *each, 1] for each in (layer.kernel_size, layer.strides, layer.dilation_rate))
        h = tf.image.extract_patches(h, sizes, strides, rates, layer.padding.upper())
    return tf.reshape(h, (-1, int(tf.TensorShape(h.shape[1:-1]).num_elements()), h.shape[-1]))


def _square(met: _Met, slope: tf.Tensor) -> tf.Tensor:
    """The squared length of each digit's gradient by that layer's weights: (n,)."""
    if met.rows.shape[1] == 1:  # one outer product: its length is the product of the two
        kernel = tf.reduce_sum(tf.square(met.rows), axis=(1, 2)) * tf.reduce_sum(tf.square(slope), axis=(1, 2))
    else:
        kernel = tf.reduce_sum(tf.square(tf.matmul(met.rows, slope, transpose_a=True)), axis=(1, 2))
    bias = tf.reduce_sum(tf.square(tf.reduce_sum(slope, axis=1)), axis=1)
    return kernel + bias if met.layer.use_bias else kernel
