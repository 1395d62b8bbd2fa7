"""Interval bounds: what each layer of a network can return for any image of a box, carried from layer to layer.

Gowal et al. 2018, "On the effectiveness of interval bound propagation for training verifiably robust models",
arXiv:1810.12715. A training minimises these bounds (core/defenses/interval_training.py) and a certificate reads them
(core/defenses/interval.py): one walk serves both.
"""

# TensorFlow's stubs take every static shape for one that may be missing.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import layers

from core import lowering
from core.errors import InputError


class Unbounded(InputError):
    """A network that holds a layer which cannot be bounded here; the message names the layer."""


class Box(NamedTuple):
    """All values within `radius` >= 0 of `middle`, element by element; both (n, ...)."""

    middle: tf.Tensor
    radius: tf.Tensor


def between(low: tf.Tensor, high: tf.Tensor) -> Box:
    """The box from low to high."""
    return Box((low + high) / 2, (high - low) / 2)


def around(x: tf.Tensor, eps: tf.Tensor) -> Box:
    """All images in [0, 1] whose pixels each differ from x (n, 28, 28, 1) by at most eps, a number or (n, 1, 1, 1)."""
    return between(tf.maximum(x - eps, 0.0), tf.minimum(x + eps, 1.0))


def chain(model: keras.Model) -> list[layers.Layer]:
    """The model's layers in order; Unbounded, naming the layer, unless each can be bounded and feeds only the next."""
    found = lowering.chain(model)
    if found is None:
        raise Unbounded(
            f"The network {model.name!r} is no plain chain of layers, and only chains can be bounded. "
            "Choose a network in which each layer feeds the next."
        )
    for layer in found:
        _rule(layer)
        if (act := getattr(layer, "activation", None)) is not None and act not in MONOTONE:
            raise Unbounded(
                f"The layer {layer.name!r} has the activation {act.__name__}, which does not only rise; bounds "
                "need one that does, such as relu, tanh or sigmoid."
            )
    return found


def interval(model: keras.Model, box: Box, *, training: bool = False, leak: Any = 0.0) -> Box:
    """The logits' box (n, 10) for every image of the box (n, 28, 28, 1).

    training: batch normalisation takes the statistics of the batch's middles, and keeps their running mean; leak: the
    slope that ReLUs have where they are flat, which a training lets fade to 0.
    """
    for layer in chain(model):
        box = through(layer, box, training=training, leak=leak)
    return box


def through(layer: layers.Layer, box: Box, *, training: bool = False, leak: Any = 0.0) -> Box:
    """The box of what the layer returns for every input of the box."""
    return _rule(layer)(layer, box, training, leak)


def margins(model: keras.Model, box: Box, y: tf.Tensor, *, training: bool = False, leak: Any = 0.0) -> tf.Tensor:
    """At least how far (n, 10) class y's logit lies above each other's, for every image of the box; 0 at y itself.

    Where the last layer is dense without an activation, each difference is bounded as one linear function, which is
    tighter than the difference of two bounds.
    """
    *hidden, last = chain(model)
    for layer in hidden:
        box = through(layer, box, training=training, leak=leak)
    if type(last) is layers.Dense and last.activation is keras.activations.linear:
        weights = tf.transpose(last.kernel)  # (10, features)
        gap = tf.gather(weights, y)[:, None, :] - weights[None]  # (n, 10, features)
        lowest = tf.einsum("nf,nkf->nk", box.middle, gap) - tf.einsum("nf,nkf->nk", box.radius, tf.abs(gap))
        if last.use_bias:
            lowest += tf.gather(last.bias, y)[:, None] - last.bias[None]
        return lowest
    box = through(last, box, training=training, leak=leak)
    truth = tf.one_hot(y, box.middle.shape[-1])
    own = tf.reduce_sum(truth * (box.middle - box.radius), axis=1, keepdims=True)
    return (1.0 - truth) * (own - (box.middle + box.radius))


# ------------------------------------------------------------------------------------------------------------ the rules


def activated(function: Callable, box: Box) -> Box:
    """The box of a function that never falls."""
    return between(function(box.middle - box.radius), function(box.middle + box.radius))


def rectifier(layer: layers.ReLU, leak: Any = 0.0) -> Callable[[tf.Tensor], tf.Tensor]:
    """The layer's function, in the plain parts that its gradient is quick through; `leak` slopes its flat parts."""
    below, start, cap = (float(getattr(layer, name) or 0.0) for name in ("negative_slope", "threshold", "max_value"))
    if below or start:
        return lambda x: layer(x)
    if layer.max_value is None:
        return lambda x: tf.maximum(x, leak * x)
    sloped = not isinstance(leak, float) or leak
    return lambda x: (leak * x if sloped else 0.0) + (1.0 - leak) * tf.clip_by_value(x, 0.0, cap)


def _linear(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    if isinstance(layer, layers.Dense):

        def apply(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
            return tf.matmul(x, kernel) if len(x.shape) == 2 else tf.tensordot(x, kernel, 1)
    else:

        def apply(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
            return tf.nn.conv2d(x, kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)

    kernel = tf.convert_to_tensor(layer.kernel)
    middle, radius = apply(box.middle, kernel), apply(box.radius, tf.abs(kernel))
    if layer.use_bias:
        middle = tf.nn.bias_add(middle, tf.convert_to_tensor(layer.bias))
    return _activation(layer, Box(middle, radius), training, leak)


def _activation(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    if layer.activation is keras.activations.linear:
        return box
    if layer.activation is keras.activations.relu:
        return activated(lambda x: tf.maximum(x, leak * x), box)
    return activated(layer.activation, box)


def _relu(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    return activated(rectifier(layer, leak), box)


def _monotone(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    return activated(lambda x: layer(x), box)


def _averaging(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    """A layer that only moves, drops or averages its inputs does to radii what it does to middles."""
    return Box(layer(box.middle), layer(box.radius))


def _idle(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    return box


def _rescaling(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    return Box(layer(box.middle), box.radius * abs(layer.scale))


def _normalisation(layer: Any, box: Box, training: bool, leak: Any) -> Box:
    mean, variance = layer.moving_mean, layer.moving_variance
    if training:
        # In these parts: tf.nn.moments, and its gradient, take half as long again.
        axes = list(range(len(box.middle.shape) - 1))
        mean = tf.reduce_mean(box.middle, axes)
        variance = tf.reduce_mean(tf.square(box.middle), axes) - tf.square(mean)
        # The bounds are part of what is minimised, so the statistics have a gradient; their running mean has none.
        for kept, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            kept.assign(kept * layer.momentum + tf.stop_gradient(now) * (1.0 - layer.momentum))
    factor = tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        factor *= layer.gamma
    offset = (layer.beta if layer.center else 0.0) - mean * factor
    return Box(box.middle * factor + offset, box.radius * tf.abs(factor))


#: Activations that never fall: the bounds of what they return are what they return for the bounds.
MONOTONE = frozenset(
    getattr(keras.activations, name)
    for name in "linear relu relu6 leaky_relu elu selu sigmoid hard_sigmoid tanh softplus softsign exponential".split()
)

_RULES: dict[type, Callable[[Any, Box, bool, Any], Box]] = {
    layers.Dense: _linear,
    layers.Conv2D: _linear,
    layers.BatchNormalization: _normalisation,
    layers.ReLU: _relu,
    layers.LeakyReLU: _monotone,
    layers.ELU: _monotone,
    layers.Activation: _activation,
    layers.MaxPooling2D: _monotone,
    layers.GlobalMaxPooling2D: _monotone,
    layers.AveragePooling2D: _averaging,
    layers.GlobalAveragePooling2D: _averaging,
    layers.Flatten: _averaging,
    layers.Reshape: _averaging,
    layers.ZeroPadding2D: _averaging,
    layers.Cropping2D: _averaging,
    layers.UpSampling2D: _averaging,
    layers.Permute: _averaging,
    layers.Rescaling: _rescaling,
    layers.Dropout: _idle,
    layers.GaussianNoise: _idle,
}


def _rule(layer: layers.Layer) -> Callable[[Any, Box, bool, Any], Box]:
    rule = _RULES.get(type(layer))
    grouped = isinstance(layer, layers.Conv2D) and (layer.groups != 1 or layer.data_format != "channels_last")
    if rule is None or grouped:
        known = ", ".join(sorted(each.__name__ for each in _RULES))
        what = "a convolution in groups" if grouped else f"of type {type(layer).__name__}"
        raise Unbounded(f"The layer {layer.name!r} is {what}, which cannot be bounded. These can: {known}.")
    return rule
