"""Borders between classes taken for planes, and the smallest change that reaches one without leaving the box [0, 1].

That change is exact in each norm. On the way to the plane every pixel moves towards it, or not at all, and stops at the
box. In L-infinity all pixels move equally far, in L2 each in proportion to its weight, until they meet their bounds; in
L1 the heaviest pixels are filled one after the other (Hein and Andriushchenko, 2017; Croce and Hein, 2020,
https://arxiv.org/abs/1907.02044).
"""

# TensorFlow's stubs take every gradient for one that may be sparse, and every static shape for one that may be missing.
# pyright: reportArgumentType=false, reportReturnType=false, reportCallIssue=false

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from core import lowering, norms
from core.attacks._gradient import pulled_back
from core.classifier import CLASSES

_FULL = 1e30  # a level at which every pixel with a weight worth the name has met its bound


def length(norm: str, d: tf.Tensor) -> tf.Tensor:
    """The size of changes d (n, ...) in L-infinity, L2 or L1, on tensors: (n,)."""
    d = tf.reshape(d, (-1, norms.PIXELS))
    if norm == "linf":
        return tf.reduce_max(tf.abs(d), axis=1)
    if norm == "l1":
        return tf.reduce_sum(tf.abs(d), axis=1)
    largest = tf.reduce_max(tf.abs(d), axis=1, keepdims=True)  # squares of tiny gradients would underflow
    return largest[:, 0] * tf.sqrt(tf.reduce_sum(tf.math.divide_no_nan(d, largest) ** 2, axis=1))


def border(
    net: lowering.Forward, x: tf.Tensor, up: tf.Tensor, down: Callable[[tf.Tensor], tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the network, made linear at x, gives the classes up and down equal logits: a plane.

    x: (n, 28, 28, 1); up: (n,); down: logits (n, 10) -> (n,). Returns by how much up's lead must grow (n,), and the
    gradient w of that lead (n, 28, 28, 1).
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = net(x)
    slope = tf.one_hot(up, CLASSES) - tf.one_hot(down(logits), CLASSES)
    return -tf.reduce_sum(slope * logits, axis=1), pulled_back(tape, logits, x, slope)


def nearest_border(
    net: lowering.Forward, norm: str, x: tf.Tensor, labels: tf.Tensor, rivals: tf.Tensor | int = CLASSES - 1
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The logits at x (n, 28, 28, 1), and the border nearest in that norm between the label and its likeliest rivals.

    Returns (n, 10), by how much the rival's lead must grow (n,), and its gradient w (n, 28, 28, 1); w is 0 where no
    rival has a gradient. One pass forward serves all rivals; only the way back is gone for each.
    """
    with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
        tape.watch(x)
        logits = net(x)
    own = tf.one_hot(labels, CLASSES)
    ranked = tf.math.top_k(logits - _FULL * own, k=CLASSES - 1).indices

    def look(at: tf.Tensor, least: tf.Tensor, gap: tf.Tensor, w: tf.Tensor) -> tuple[tf.Tensor, ...]:
        slope = tf.one_hot(ranked[:, at], CLASSES) - own
        each_w = pulled_back(tape, logits, x, slope)
        each_gap = -tf.reduce_sum(slope * logits, axis=1)
        steep = length(norms.DUAL[norm], each_w)
        away = tf.where(steep > 0, tf.abs(each_gap) / steep, np.inf)
        nearer = away < least
        gap, least = tf.where(nearer, each_gap, gap), tf.where(nearer, away, least)
        return at + 1, least, gap, tf.where(norms.per_image(nearer), each_w, w)

    none = tf.zeros_like(logits[:, 0])
    start = (tf.constant(0), none + np.inf, none, tf.zeros_like(x))
    _, _, gap, w = tf.while_loop(lambda at, *_: at < rivals, look, start, parallel_iterations=1)
    return logits, gap, w


def to_plane(norm: str, points: tf.Tensor, w: tf.Tensor, gap: tf.Tensor) -> tf.Tensor:
    """The change d of least norm with <w, d> = gap and points + d in [0, 1]: (n, p).

    norm: "linf", "l2" or "l1"; points, w: (n, p); gap: (n,), by how much <w, points> must grow. Where the plane does
    not meet the box, d leads to the corner of the box that is nearest to the plane; where w is 0, d is 0.
    """
    largest = tf.reduce_max(tf.abs(w), axis=1, keepdims=True)
    size = tf.math.divide_no_nan(tf.abs(w), largest)  # squares of tiny gradients would underflow
    need = tf.math.divide_no_nan(tf.abs(gap), largest[:, 0])[:, None]
    towards = tf.sign(w) * tf.sign(gap)[:, None]
    room = tf.where(towards > 0, 1.0 - points, points) * tf.abs(towards)
    if norm == "l1":
        return towards * _heaviest_first(size, room, need)
    speed = size if norm == "l2" else tf.ones_like(size)
    return towards * tf.minimum(speed * _level(size, speed, room, need), room)


def _level(size: tf.Tensor, speed: tf.Tensor, room: tf.Tensor, need: tf.Tensor) -> tf.Tensor:
    """The t (n, 1) at which sum(size * min(speed * t, room)) is `need`; _FULL where it never is.

    The sum rises in t along straight pieces, ever less steeply: Newton's method from 0 never oversteps, and is exact as
    soon as it has found the piece, so there is nothing to sort.
    """

    def full(level: tf.Tensor) -> tf.Tensor:
        return tf.cast(speed * level >= room, size.dtype)

    def climb(level: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        done = full(level)
        missing = need - tf.reduce_sum(size * room * done, axis=1, keepdims=True)
        slope = tf.reduce_sum(size * speed * (1.0 - done), axis=1, keepdims=True)
        level = tf.maximum(level, tf.where(slope > 0, missing / slope, _FULL))
        return level, tf.reduce_any(full(level) > done)

    return tf.while_loop(lambda _, moving: moving, climb, (tf.zeros_like(need), tf.constant(True)))[0]


def _heaviest_first(size: tf.Tensor, room: tf.Tensor, need: tf.Tensor) -> tf.Tensor:
    """How far each pixel moves when the heaviest are filled first, and pixels of equal weight in equal shares."""
    gain = size * room
    weight, order = tf.math.top_k(size, k=size.shape[1])
    reached = tf.cumsum(tf.gather(gain, order, batch_dims=1), axis=1)
    last = tf.argmax(reached >= need, axis=1)  # the pixel that closes the gap
    border = tf.where(reached[:, -1:] < need, 0.0, tf.gather(weight, last, batch_dims=1)[:, None])
    heavier, level = size > border, size == border
    missing = need - tf.reduce_sum(tf.where(heavier, gain, 0.0), axis=1, keepdims=True)
    share = tf.math.divide_no_nan(missing, tf.reduce_sum(tf.where(level, gain, 0.0), axis=1, keepdims=True))
    return tf.where(heavier, room, tf.where(level, room * tf.clip_by_value(share, 0.0, 1.0), 0.0))
