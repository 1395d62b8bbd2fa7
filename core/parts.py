"""A layer taken apart into what bounds can be carried through: affine maps, and functions that never fall."""

# TensorFlow's stubs take every static shape for one that may be missing.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false
# pyright: reportCallIssue=false

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf
from keras import activations, layers

from core import lowering
from core.errors import InputError

Function = Callable[[tf.Tensor], tf.Tensor]


class Unbounded(InputError):
    """A network that holds a layer which cannot be bounded; the message names the layer."""


class Affine(NamedTuple):
    """x -> linear(x) + offset.

    spread: the same map with the absolute values of its weights; offset: one number for each entry of the last axis, or
    None; bulk: as many, the sums of the absolute terms that the offset is added up from; terms: how many products the
    longest sum of the map, or of its transpose, adds up; back: the transpose, where it is known (see `turned`).
    """

    linear: Function
    spread: Function
    offset: tf.Tensor | None = None
    bulk: tf.Tensor | None = None
    terms: int = 1
    back: Callable[[tf.Tensor, tuple[int, ...]], tf.Tensor | None] | None = None

    def turned(self, rows: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
        """rows (k, ...) of what it returns -> those of what it is given, (k, *shape): the transposed map.

        Any map's is its gradient. Where `back` has a shorter way it is taken: a graph of fewer operations is compiled
        sooner, and that takes most of the time that one digit does.
        """
        if self.back is not None and (known := self.back(rows, shape)) is not None:
            return known
        start = tf.zeros((tf.shape(rows)[0], *shape))
        with tf.GradientTape() as tape:
            tape.watch(start)
            end = self.linear(start)
        return tape.gradient(end, start, output_gradients=rows)


class Bend(NamedTuple):
    """A function that never falls.

    rectifier: (leak, cap) where it is x, leak * x below 0, and from cap on (None for never) flat but for the leak; None
    for any other function. pointwise: it looks at each element alone, and its slope rises first and falls then.
    """

    apply: Function
    rectifier: tuple[Any, float | None] | None = None
    pointwise: bool = True


def parts(layer: Any, middle: tf.Tensor, *, training: bool = False, leak: Any = 0.0) -> Iterator[Affine | Bend]:
    """What the layer does to its input, one after the other; middle (n, ...): the middle of the input's box."""
    if (rule := _AFFINE.get(type(layer))) is not None:
        yield rule(layer, middle, training)
    elif type(layer) in _BENDS:
        yield _bend(layer, leak)
    if _activation(layer) is not None:
        yield _activated(layer.activation, leak)


def rectifier(leak: Any, cap: float | None) -> Bend:
    """A ReLU whose flat parts slope by `leak`, in the plain operations that its gradient is quick through."""
    if cap is None:
        return Bend(lambda x: tf.maximum(x, leak * x), (leak, None))
    sloped = not isinstance(leak, float) or leak
    return Bend(lambda x: (leak * x if sloped else 0.0) + (1.0 - leak) * tf.clip_by_value(x, 0.0, cap), (leak, cap))


def _bend(layer: Any, leak: Any) -> Bend:
    if isinstance(layer, layers.LeakyReLU) and layer.negative_slope <= 1:
        return rectifier(float(layer.negative_slope), None)
    if isinstance(layer, layers.ReLU):
        below, start = float(layer.negative_slope or 0), float(layer.threshold or 0)
        if not start and not below:
            return rectifier(leak, None if layer.max_value is None else float(layer.max_value))
        if not start and below <= 1 and layer.max_value is None:
            return rectifier(below, None)
    return Bend(lambda x: layer(x), pointwise=not isinstance(layer, _WINDOWS))


def _activation(layer: Any) -> Any:
    """The layer's activation; None for none or the linear one."""
    found = getattr(layer, "activation", None)
    return None if found is activations.linear else found


def _activated(function: Any, leak: Any) -> Bend:
    known = {activations.relu: (leak, None), activations.relu6: (leak, 6.0), activations.leaky_relu: (0.2, None)}
    return rectifier(*known[function]) if function in known else Bend(function)


def _dense(layer: Any, middle: tf.Tensor, training: bool) -> Affine:
    def multiply(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, kernel) if len(x.shape) == 2 else tf.tensordot(x, kernel, 1)

    made = _weighted(layer, multiply, max(layer.kernel.shape))
    if len(middle.shape) > 2:
        return made
    kernel = tf.convert_to_tensor(layer.kernel)
    return made._replace(back=lambda rows, shape: tf.matmul(rows, kernel, transpose_b=True))


def _convolution(layer: Any, middle: tf.Tensor, training: bool) -> Affine:
    def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(x, kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)

    made = _weighted(layer, convolve, math.prod(layer.kernel.shape[:2]) * max(layer.kernel.shape[2:]))
    return made._replace(back=lambda rows, shape: lowering.turned(layer, rows, shape))


def _weighted(layer: Any, apply: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], terms: int) -> Affine:
    kernel = tf.convert_to_tensor(layer.kernel)
    offset = tf.convert_to_tensor(layer.bias) if layer.use_bias else None
    bulk = None if offset is None else tf.abs(offset)
    return Affine(lambda x: apply(x, kernel), lambda x: apply(x, tf.abs(kernel)), offset, bulk, terms)


def _averaging(layer: Any, middle: tf.Tensor, training: bool) -> Affine:
    """A layer that only moves, drops or averages its inputs does to radii what it does to middles."""
    window = getattr(layer, "pool_size", None) or getattr(layer, "size", None) or (1,)
    if isinstance(layer, layers.GlobalAveragePooling2D):
        window = middle.shape[1:]
    terms = 4 * math.prod(window)  # an enlarged pixel is mixed of four
    shapes = type(layer) in (layers.Flatten, layers.Reshape)
    back = (lambda rows, shape: tf.reshape(rows, (-1, *shape))) if shapes else None
    return Affine(lambda x: layer(x), lambda x: layer(x), terms=terms, back=back)


def _rescaling(layer: Any, middle: tf.Tensor, training: bool) -> Affine:
    channels = middle.shape[-1]
    scale, offset = (tf.fill([channels], float(each)) for each in (layer.scale, layer.offset))
    return Affine(lambda x: x * scale, lambda x: x * tf.abs(scale), offset, tf.abs(offset))


def _normalisation(layer: Any, middle: tf.Tensor, training: bool) -> Affine:
    mean, variance = tf.convert_to_tensor(layer.moving_mean), tf.convert_to_tensor(layer.moving_variance)
    if training:
        # In these parts: tf.nn.moments, and its gradient, take half as long again.
        axes = list(range(len(middle.shape) - 1))
        mean = tf.reduce_mean(middle, axes)
        variance = tf.reduce_mean(tf.square(middle), axes) - tf.square(mean)
        # The bounds are part of what is minimised, so the statistics have a gradient; their running mean has none.
        for kept, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            kept.assign(kept * layer.momentum + tf.stop_gradient(now) * (1.0 - layer.momentum))
    factor = tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        factor *= layer.gamma
    shift = tf.convert_to_tensor(layer.beta) if layer.center else tf.zeros_like(mean)
    bulk = tf.abs(shift) + tf.abs(mean * factor)
    return Affine(lambda x: x * factor, lambda x: x * tf.abs(factor), shift - mean * factor, bulk)


#: Activations that never fall, and whose slope rises first and falls then.
MONOTONE = frozenset(
    getattr(activations, name)
    for name in "linear relu relu6 leaky_relu elu selu sigmoid hard_sigmoid tanh softplus softsign exponential".split()
)

_AFFINE: dict[type, Callable[[Any, tf.Tensor, bool], Affine]] = {
    layers.Dense: _dense,
    layers.Conv2D: _convolution,
    layers.BatchNormalization: _normalisation,
    layers.Rescaling: _rescaling,
    **dict.fromkeys(
        (
            layers.AveragePooling2D,
            layers.GlobalAveragePooling2D,
            layers.Flatten,
            layers.Reshape,
            layers.ZeroPadding2D,
            layers.Cropping2D,
            layers.UpSampling2D,
            layers.Permute,
        ),
        _averaging,
    ),
}
_WINDOWS = (layers.MaxPooling2D, layers.GlobalMaxPooling2D)
_BENDS = (layers.ReLU, layers.LeakyReLU, layers.ELU, *_WINDOWS)
#: What they do is done by their activation, or in a training alone.
_IDLE = (layers.Activation, layers.Dropout, layers.SpatialDropout2D, layers.GaussianNoise)


def check(layer: Any) -> None:
    """Raise Unbounded, naming the layer, where it cannot be bounded."""
    known = (*_AFFINE, *_BENDS, *_IDLE)
    if type(layer) not in known:
        names = ", ".join(sorted(each.__name__ for each in known))
        raise Unbounded(
            f"The layer {layer.name!r} is of type {type(layer).__name__}, which cannot be bounded. These can: {names}."
        )
    if (what := _odd(layer)) is not None:
        raise Unbounded(f"The layer {layer.name!r} {what}, which cannot be bounded.")
    if (function := _activation(layer)) is not None and function not in MONOTONE:
        raise Unbounded(
            f"The layer {layer.name!r} has the activation {getattr(function, '__name__', type(function).__name__)}, "
            "which does not only rise; bounds need one that does, such as relu, tanh or sigmoid."
        )


def _odd(layer: Any) -> str | None:
    """What is out of the ordinary about a layer of a known type, so that its rule does not hold; None for nothing."""
    if getattr(layer, "groups", 1) != 1:
        return "is a convolution in groups"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "has its channels first"
    if isinstance(layer, layers.BatchNormalization) and layer.axis not in (-1, len(layer.input.shape) - 1):
        return "normalises another axis than the last"
    if isinstance(layer, layers.UpSampling2D) and layer.interpolation not in ("nearest", "bilinear"):
        return f"interpolates by {layer.interpolation}, whose weights may be negative"
    if isinstance(layer, layers.ELU) and layer.alpha < 0:
        return "has an alpha below 0"
    if isinstance(layer, layers.Rescaling) and not all(
        isinstance(each, int | float) for each in (layer.scale, layer.offset)
    ):
        return "scales each channel by its own number"
    return None
