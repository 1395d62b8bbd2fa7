"""Interval bounds: what each layer of a network can return for any image of a box, carried from layer to layer.

Gowal et al. 2018, "On the effectiveness of interval bound propagation for training verifiably robust models",
arXiv:1810.12715. A training minimises these bounds (core/defenses/interval_training.py) and certificates read them
(core/defenses/interval.py, and core/crown.py tightens them): one walk serves all.

Every layer is taken apart into affine maps and functions that never fall (core/parts.py). Bounds are sums in float32,
and so are the network's own logits: both round. `outward` widens every box by what its sums could be wrong, in whatever
order they are added, so that the bounds hold for the logits as they are computed, not only in exact arithmetic.
"""

# TensorFlow's stubs take every static shape for one that may be missing.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false

from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import activations, layers

from core import lowering
from core.parts import Affine, Bend, Unbounded, check, parts


class Box(NamedTuple):
    """All values within `radius` >= 0 of `middle`, element by element; both (n, ...)."""

    middle: tf.Tensor
    radius: tf.Tensor

    @property
    def low(self) -> tf.Tensor:
        return self.middle - self.radius

    @property
    def high(self) -> tf.Tensor:
        return self.middle + self.radius

    @property
    def size(self) -> tf.Tensor:
        """The largest absolute value that each element can have."""
        return tf.abs(self.middle) + self.radius


def between(low: tf.Tensor, high: tf.Tensor) -> Box:
    """The box from low to high."""
    return Box((low + high) / 2, (high - low) / 2)


def around(x: tf.Tensor, eps: tf.Tensor) -> Box:
    """All images in [0, 1] whose pixels each differ from x (n, 28, 28, 1) by at most eps, a number or (n, 1, 1, 1)."""
    return between(tf.maximum(x - eps, 0.0), tf.minimum(x + eps, 1.0))


def rounding(terms: int) -> float:
    """How far, as a share of the sum of their absolute values, two float32 sums of so many products may be wrong.

    n u / (1 - n u) for each of the two (Higham 2002, section 3.1), whatever the order; 16 more terms stand for the few
    roundings beside the sum.
    """
    share = (terms + 16) * 2.0**-24
    return 2 * share / (1 - share)


def chain(model: keras.Model) -> list[layers.Layer]:
    """The model's layers in order; Unbounded, naming the layer, unless each can be bounded and feeds only the next."""
    found = lowering.chain(model)
    if found is None:
        raise Unbounded(
            f"The network {model.name!r} is no plain chain of layers, and only chains can be bounded. "
            "Choose a network in which each layer feeds the next."
        )
    for layer in found:
        check(layer)
    return found


def interval(model: keras.Model, box: Box, *, training: bool = False, leak: Any = 0.0, outward: bool = False) -> Box:
    """The logits' box (n, 10) for every image of the box (n, 28, 28, 1).

    training: batch normalisation takes the statistics of the batch's middles, and keeps their running mean; leak: the
    slope that ReLUs have where they are flat, which a training lets fade to 0; outward: cover rounding.
    """
    for layer in chain(model):
        box = through(layer, box, training=training, leak=leak, outward=outward)
    return box


def through(layer: layers.Layer, box: Box, *, training: bool = False, leak: Any = 0.0, outward: bool = False) -> Box:
    """The box of what the layer returns for every input of the box."""
    for part in parts(layer, box.middle, training=training, leak=leak):
        box = carried(part, box, outward)
    return box


def carried(part: Affine | Bend, box: Box, outward: bool = False) -> Box:
    """The box of what one part of a layer returns."""
    if isinstance(part, Bend):
        return between(part.apply(box.low), part.apply(box.high))
    middle, radius = part.linear(box.middle), box.radius
    share = rounding(part.terms) if outward else 0.0
    radius = part.spread(radius + share * box.size if outward else radius)
    if part.offset is not None:
        middle = tf.nn.bias_add(middle, part.offset)
        radius = tf.nn.bias_add(radius, share * part.bulk) if outward else radius
    return Box(middle, radius)


def margins(
    model: keras.Model, box: Box, y: tf.Tensor, *, training: bool = False, leak: Any = 0.0, outward: bool = False
) -> tf.Tensor:
    """At least how far (n, 10) class y's logit lies above each other's, for every image of the box; 0 at y itself.

    Where the last layer is dense without an activation, each difference is bounded as one linear function, which is
    tighter than the difference of two bounds.
    """
    *hidden, last = chain(model)
    for layer in hidden:
        box = through(layer, box, training=training, leak=leak, outward=outward)
    return last_margins(last, box, y, training=training, leak=leak, outward=outward)


def last_margins(
    last: layers.Layer, box: Box, y: tf.Tensor, *, training: bool = False, leak: Any = 0.0, outward: bool = False
) -> tf.Tensor:
    """The same from the box (n, ...) that the last layer is given."""
    if not ends_plainly(last):
        box = through(last, box, training=training, leak=leak, outward=outward)
        return above(y, box.low, box.high) - (rounding(1) * _of_two(y, box.size) if outward else 0.0)
    weights = tf.transpose(last.kernel)  # (10, features)
    gap = tf.gather(weights, y)[:, None, :] - weights[None]  # (n, 10, features)
    lowest = tf.einsum("nf,nkf->nk", box.middle, gap) - tf.einsum("nf,nkf->nk", box.radius, tf.abs(gap))
    if last.use_bias:
        lowest += tf.gather(last.bias, y)[:, None] - last.bias[None]
    if outward:
        # Each of the two logits rounds by itself, however much of them cancels in the difference.
        sums = tf.matmul(box.size, tf.abs(last.kernel)) + (tf.abs(last.bias) if last.use_bias else 0.0)
        lowest -= rounding(weights.shape[1]) * _of_two(y, sums)
    return lowest


def ends_plainly(last: layers.Layer) -> bool:
    """Whether the layer is dense, from (n, features), without an activation."""
    return type(last) is layers.Dense and last.activation is activations.linear and len(last.input.shape) == 2


def above(y: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """low (n, 10) of class y (n,), less high (n, 10) of each class; 0 at y itself."""
    truth = tf.one_hot(y, low.shape[-1])
    return (1.0 - truth) * (tf.reduce_sum(truth * low, axis=1, keepdims=True) - high)


def _of_two(y: tf.Tensor, sums: tf.Tensor) -> tf.Tensor:
    """sums (n, 10) of class y and of each other, added; 0 at y itself."""
    return above(y, sums, -sums)
