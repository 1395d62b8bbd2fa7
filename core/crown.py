"""CROWN: bounds of a network by linear functions of its input, carried from the logits back through the layers.

Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions",
arXiv:1811.00866. Each bend of the network lies between two lines wherever its input can be; with the lines in its
place, what is left is one affine function of the image, whose least value over a ball has a closed form. Where a bend's
input can be comes from intervals (core/bounds.py), and for narrow layers from CROWN itself. With intervals alone these
are the bounds of CROWN-IBP (Zhang et al. 2020, arXiv:1906.06316), differentiable in the weights.

`outward` covers rounding, as in core/bounds.py: what a layer's sums can be wrong widens the lines of the next bend.
"""

# TensorFlow's stubs take every static shape for one that may be missing.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false
# pyright: reportOptionalIterable=false, reportOptionalSubscript=false, reportCallIssue=false

import math
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from core import bounds, norms
from core.bounds import Box
from core.parts import Affine, Bend, parts

NUMBERS = 2**23  # of one pass back, at most: images, times rows, times what the largest layer returns
FEWEST, MOST = 32, 128  # neurons of a layer that are bounded at a time: each takes two rows


class Ball(NamedTuple):
    """All images whose change from x (n, 28, 28, 1) has a norm, "l2" or "l1", of at most eps (n,)."""

    x: tf.Tensor
    eps: tf.Tensor
    norm: str


class Lines(NamedTuple):
    """below_slope * z + below <= f(z) <= above_slope * z + above, for each z of a box; all (n, ...).

    The slopes are None where the lines are level, and those of a layer's output, not of its input.
    """

    below: tf.Tensor
    above: tf.Tensor
    below_slope: tf.Tensor | None = None
    above_slope: tf.Tensor | None = None


class Stretch(NamedTuple):
    """The affine maps up to a bend, each with the shape of what it is given, and the lines of that bend."""

    maps: list[tuple[Affine, tuple[int, ...]]]
    lines: Lines


class Walk(NamedTuple):
    """What a pass through the network has found, as far as it has come.

    stretches: behind us; maps: since the last bend; box: of where we are; wrong: how far rounding may have moved each
    value since the last bend, or 0.
    """

    stretches: list[Stretch]
    maps: list[tuple[Affine, tuple[int, ...]]]
    box: Box
    wrong: Any


def margins(
    model: keras.Model,
    box: Box,
    y: tf.Tensor,
    *,
    ball: Ball | None = None,
    widest: int = 0,
    training: bool = False,
    leak: Any = 0.0,
    outward: bool = False,
) -> tf.Tensor:
    """At least how far (n, 10) class y's logit lies above each other's, for every image of the box; 0 at y itself.

    Never below bounds.margins, which the better of is taken with. ball: only for the images of the box that lie in it,
    too; widest: layers of up to so many neurons are bounded by CROWN as well, a row of which each neuron needs.
    training, leak and outward are those of bounds.margins.
    """
    given = {"training": training, "leak": leak, "outward": outward}
    *hidden, last = bounds.chain(model)
    walk = _walk(hidden, box, ball, widest, given)
    plainly = bounds.last_margins(last, walk.box, y, **given)
    walk = _walk([last], box, ball, widest, given, walk)
    classes = walk.box.middle.shape[-1]
    truth = tf.one_hot(y, classes)
    rows = truth[:, None, :] - tf.eye(classes)[None]  # (n, 10, 10)
    return (1.0 - truth) * tf.maximum(plainly, _lowest(walk, rows, box, ball, outward))


def logits(model: keras.Model, box: Box, *, ball: Ball | None = None, widest: int = 0, outward: bool = False) -> Box:
    """The logits' box (n, 10), within that of bounds.interval."""
    given = {"training": False, "leak": 0.0, "outward": outward}
    walk = _walk(bounds.chain(model), box, ball, widest, given)
    return _tightened(walk, box, ball, outward)


def largest(model: keras.Model) -> int:
    """How many numbers the largest layer of the network returns."""
    shape, most = tuple(model.inputs[0].shape), norms.PIXELS
    for layer in bounds.chain(model):
        shape = tuple(layer.compute_output_spec(keras.KerasTensor(shape)).shape)
        most = max(most, math.prod(shape[1:]))
    return most


def together(numbers: int) -> int:
    """How many neurons of a layer are bounded at a time, where the largest layer returns so many numbers.

    All of a layer, if may be: a loop over parts of it takes longer to compile than one digit takes to bound.
    """
    return min(max(NUMBERS // (2 * numbers), FEWEST), MOST)


# ------------------------------------------------------------------------------------------------------------- forwards


def _walk(
    layers: list[Any], box: Box, ball: Ball | None, widest: int, given: dict[str, Any], walk: Walk | None = None
) -> Walk:
    """Through those layers, from the image's box or from where `walk` has come to."""
    stretches, maps, here, wrong = walk or Walk([], [], box, 0.0)
    stretches, maps, outward = list(stretches), list(maps), given["outward"]
    for layer in layers:
        for part in parts(layer, here.middle, training=given["training"], leak=given["leak"]):
            if isinstance(part, Bend):
                size = math.prod(here.middle.shape[1:])
                if size <= widest and (stretches or ball is not None):  # the first in a box is exact as it is
                    here = _tightened(Walk(stretches, maps, here, wrong), box, ball, outward)
                stretches.append(Stretch(maps, _lines(part, here, wrong, outward)))
                maps, wrong = [], 0.0
            else:
                if outward:
                    wrong = _more_wrong(part, here, wrong)
                maps.append((part, tuple(here.middle.shape[1:])))
            here = bounds.carried(part, here, outward)
    return Walk(stretches, maps, here, wrong)


def _more_wrong(part: Affine, box: Box, wrong: Any) -> tf.Tensor:
    """How far rounding can move what an affine map returns, and the sums that come back through it."""
    moved = part.spread(wrong + bounds.rounding(part.terms) * box.size)
    if part.bulk is None:
        return moved
    return tf.nn.bias_add(moved, bounds.rounding(max(part.terms, math.prod(moved.shape[1:]))) * part.bulk)


def _tightened(walk: Walk, box: Box, ball: Ball | None, outward: bool) -> Box:
    """The box of where the walk has come to, within what it was."""
    shape = walk.box.middle.shape[1:]
    size = math.prod(shape)
    behind = [before for maps in (*(each.maps for each in walk.stretches), walk.maps) for _, before in maps]
    some = min(together(max(size, *map(math.prod, behind))), size)

    def ends(start: Any) -> tf.Tensor:
        rows = tf.reshape(tf.one_hot(start + tf.range(some), size), (1, some, *shape))  # those past the end are 0
        lowest = _lowest(walk, tf.concat([rows, -rows], axis=1), box, ball, outward)
        return tf.stack([lowest[:, :some], -lowest[:, some:]])

    if some == size:
        found = ends(0)
    else:
        starts = tf.range(0, size, some)
        found = tf.map_fn(ends, starts, fn_output_signature=tf.float32, parallel_iterations=1)
        found = tf.reshape(tf.transpose(found, (1, 2, 0, 3)), (2, -1, some * len(range(0, size, some))))[:, :, :size]
    low, high = (tf.reshape(each, (-1, *shape)) for each in tf.unstack(found))
    low = tf.maximum(low, walk.box.low)
    return bounds.between(low, tf.maximum(tf.minimum(high, walk.box.high), low))


def _lines(bend: Bend, box: Box, wrong: Any, outward: bool) -> Lines:
    if not bend.pointwise:
        found = bounds.carried(bend, box)
        lines = Lines(found.low, found.high)
    elif bend.rectifier is None:
        lines = _parallel(bend, box)
    else:
        leak, cap = bend.rectifier
        lines = below, above, below_slope, above_slope = Lines(*_of_rectifier(box.low, box.high, cap))
        if not isinstance(leak, float) or leak:
            rest = 1.0 - leak  # the leak is a line itself: leak * z + (1 - leak) * the rectifier without it
            lines = Lines(rest * below, rest * above, leak + rest * below_slope, leak + rest * above_slope)
    return _widened(lines, box, wrong) if outward else lines


def _of_rectifier(low: tf.Tensor, high: tf.Tensor, cap: float | None) -> tuple[tf.Tensor, ...]:
    """below, above and their slopes for min(max(z, 0), cap), z from low to high.

    Where only one kink lies between, one side is the chord. The line at a kink passes through it, level or as steep as
    it may be, whichever leaves less room to the function.
    """

    def value(z: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(z) if cap is None else tf.clip_by_value(z, 0.0, cap)

    chord = tf.math.divide_no_nan(value(high) - value(low), high - low)
    steep = tf.ones_like(high) if cap is None else tf.math.divide_no_nan(cap, tf.maximum(high, cap))
    below_slope = tf.where(low < 0, tf.where(high > -low, steep, 0.0), chord)
    below = tf.where(low < 0, 0.0, value(low) - chord * low)
    if cap is None:
        return below, value(high) - chord * high, below_slope, chord
    steep = tf.math.divide_no_nan(cap, tf.maximum(cap - low, cap))
    steep = tf.where(cap - low > high - cap, steep, 0.0)
    above_slope = tf.where(high > cap, steep, chord)
    return below, tf.where(high > cap, cap * (1.0 - steep), value(high) - chord * high), below_slope, above_slope


def _parallel(bend: Bend, box: Box) -> Lines:
    """Through both ends with the smaller slope of the two: nowhere between can the function be flatter."""
    ends = tf.stack([box.low, box.high])
    with tf.GradientTape() as tape:
        tape.watch(ends)
        values = bend.apply(ends)
    steep = tf.reduce_min(tape.gradient(values, ends), axis=0)
    steep = tf.maximum(steep * (1.0 - 1e-6) - 1e-6, 0.0)  # the slope is rounded as well
    return Lines(values[0] - steep * box.low, values[1] - steep * box.high, steep, steep)


def _widened(lines: Lines, box: Box, wrong: Any) -> Lines:
    """Lines that hold although their input has moved by up to `wrong`, and although they are rounded themselves."""
    many = bounds.rounding(math.prod(lines.below.shape[1:]))

    def slack(offset: tf.Tensor, slope: tf.Tensor | None) -> tf.Tensor:
        drift = 0.0 if slope is None else tf.abs(slope) * (wrong + bounds.rounding(1) * box.size)
        return drift + many * tf.abs(offset)

    return lines._replace(
        below=lines.below - slack(lines.below, lines.below_slope),
        above=lines.above + slack(lines.above, lines.above_slope),
    )


# ------------------------------------------------------------------------------------------------------------ backwards


def _lowest(walk: Walk, rows: tf.Tensor, box: Box, ball: Ball | None, outward: bool) -> tf.Tensor:
    """The least values (n, k) of rows (n or 1, k, ...) times what the walk has come to, over the images."""
    total = -_dot(tf.abs(rows), walk.wrong) if outward else 0.0
    rows, constant = _pulled(walk.maps, rows)
    total += constant
    for maps, lines in reversed(walk.stretches):
        positive = tf.nn.relu(rows)
        negative = rows - positive
        total += _dot(positive, lines.below) + _dot(negative, lines.above)
        if lines.below_slope is None:
            return total
        rows, constant = _pulled(maps, positive * lines.below_slope[:, None] + negative * lines.above_slope[:, None])
        total += constant
    return total + _least(rows, box, ball, outward)


def _pulled(maps: list[tuple[Affine, tuple[int, ...]]], rows: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """rows of the maps' output -> those of their input, and what the offsets add to each (n or 1, k)."""
    few, count = rows.shape[0] or -1, rows.shape[1]
    flat, constant = tf.reshape(rows, (-1, *rows.shape[2:])), 0.0
    for part, shape in reversed(maps):
        if part.offset is not None:
            by_channel = tf.reduce_sum(flat, axis=list(range(1, len(flat.shape) - 1)))
            constant += tf.linalg.matvec(by_channel, part.offset)
        flat = part.turned(flat, shape)
    if not isinstance(constant, float):
        constant = tf.reshape(constant, (few, count))
    return tf.reshape(flat, (few, count, *flat.shape[1:])), constant


def _dot(rows: tf.Tensor, values: Any) -> tf.Tensor:
    """rows (n or 1, k, ...) times values (n, ...), summed: (n, k)."""
    if isinstance(values, float):
        return values
    few, count, size = rows.shape[0] or -1, rows.shape[1], math.prod(rows.shape[2:])
    if few == 1:
        return tf.matmul(tf.reshape(values, (-1, size)), tf.reshape(rows, (count, size)), transpose_b=True)
    return tf.squeeze(tf.matmul(tf.reshape(rows, (few, count, size)), tf.reshape(values, (-1, size, 1))), axis=2)


def _least(rows: tf.Tensor, box: Box, ball: Ball | None, outward: bool) -> tf.Tensor:
    """The least values (n, k) of rows (n or 1, k, 28, 28, 1) times an image of the box that lies in the ball, too."""
    size, share = tf.abs(rows), bounds.rounding(norms.PIXELS) if outward else 0.0
    least = _dot(rows, box.middle) - _dot(size, box.radius + share * box.size)
    if ball is None:
        return least
    flat = tf.reshape(size, (tf.shape(size)[0], tf.shape(size)[1], norms.PIXELS))
    dual = tf.norm(flat, axis=2) if ball.norm == "l2" else tf.reduce_max(flat, axis=2)
    return tf.maximum(least, _dot(rows, ball.x) - share * _dot(size, ball.x) - ball.eps[:, None] * dual * (1.0 + share))
