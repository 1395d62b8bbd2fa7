"""Triggers sought in a network: the smallest change of a few pixels that turns all digits into one class."""

# TensorFlow's stubs take every static shape for one that may be missing.
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from core import fit, lowering
from core.classifier import CLASSES, IMAGE, Classifier
from core.digits import Digits
from core.specs import COUNT

SOUGHT = CLASSES  # triggers at a time
_BATCH = 32  # digits in each step, the same for all triggers
_STEPS = 10  # steps between two looks at how well each trigger does
_LENGTH = 0.2  # of Adam's steps; its two memories are those of the paper
_FIRST, _SECOND = 0.5, 0.9
_START = -2.0  # a mask of 0.12 everywhere: light enough to be pushed to either side
_PRICE, _HARDER = 1e-3, 1.5  # of a pixel at first, and how it rises and falls
_CHEAPEST, _DEAREST = 1e-5, 1e2

_STATE = (3, 2, SOUGHT, *IMAGE)  # values and Adam's two memories, of masks and of patterns; a sigmoid is taken of them
_SIGNATURE = [
    tf.TensorSpec((SOUGHT,), tf.int32),
    tf.TensorSpec((None, _BATCH, *IMAGE), tf.float32),
    tf.TensorSpec((None, _BATCH), tf.int32),
    tf.TensorSpec(_STATE, tf.float32),
    tf.TensorSpec((SOUGHT,), tf.float32),
    COUNT,
]


def painted(x: np.ndarray, mask: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Images x (n, 28, 28, 1), painted over with the pattern (28, 28) as far as the mask (28, 28) says."""
    cover = mask[..., None]
    return (x * (1.0 - cover) + pattern[..., None] * cover).astype(np.float32)


def search(
    model: Classifier,
    digits: Digits,
    aims: np.ndarray,
    *,
    steps: int,
    success: float,
    seed: int,
    spread: float = 0.0,
    watch: fit.Watch | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A mask and a pattern, (10, 28, 28) float32 in [0, 1] each, for each of the classes `aims` (10,).

    Each is sought on the digits of other labels, all side by side. What a pixel of the mask costs rises while enough
    digits turn, and falls while they do not. Of the masks under which that share of the digits of the last few steps
    turned the smallest is kept; where there was none, the last. spread: how far apart the starts are, so that one class
    may be aimed at in several ways. watch(done, total, metrics) may return False to end it with what is found.
    """
    graph = model.graph("triggers", lambda: _build(model), _SIGNATURE)
    draw = np.random.default_rng([seed, 3])
    rows = draw.integers(0, len(digits), (steps, _BATCH))
    state = np.zeros(_STATE, np.float32)
    state[0] = spread * draw.standard_normal(_STATE[1:])
    state[0, 0] += _START
    aims = aims.astype(np.int32)
    price, sizes = np.full(SOUGHT, _PRICE, np.float32), np.full(SOUGHT, np.inf)
    masks, patterns = np.zeros((2, SOUGHT, *IMAGE[:2]), np.float32)
    for first in range(0, steps, _STEPS):
        part = rows[first : first + _STEPS]
        labels = digits.labels[part].astype(np.int32)
        state, hits, tried = graph(aims, digits.images[part], labels, state, price, first)
        now = tf.sigmoid(state[0]).numpy()[..., 0]
        enough, size = hits.numpy() >= success * tried.numpy(), now[0].sum(axis=(1, 2))
        better = np.where(enough, size < sizes, np.isinf(sizes))
        masks[better], patterns[better] = now[0][better], now[1][better]
        sizes = np.where(enough, np.minimum(size, sizes), sizes)
        price = np.clip(np.where(enough, price * _HARDER, price / _HARDER), _CHEAPEST, _DEAREST).astype(np.float32)
        done = min(first + _STEPS, steps)
        if watch is not None and watch(done, steps, {"smallest": float(masks.sum(axis=(1, 2)).min())}) is False:
            break
    return masks, patterns


def _build(model: Classifier) -> Callable:
    """Classes (10,), digits (k, 32, 28, 28, 1) of so many steps, their labels (k, 32), the state, what a pixel costs
    each (10,), steps done -> the state after them; how many digits turned under each (10,), and of how many."""

    def run(
        aims: tf.Tensor, x: tf.Tensor, y: tf.Tensor, state: tf.Tensor, price: tf.Tensor, done: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        net = lowering.forward(model.keras)
        aims = aims[:, None]
        wanted = tf.tile(tf.one_hot(aims, CLASSES), (1, _BATCH, 1))

        def step(at: tf.Tensor, state: tf.Tensor, hits: tf.Tensor, tried: tf.Tensor) -> tuple[tf.Tensor, ...]:
            counts = tf.cast(y[at] != aims, tf.float32)  # (10, 32): a class's own digits are there without a trigger
            many = tf.reduce_sum(counts, axis=1)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(state)
                mask, pattern = tf.unstack(tf.sigmoid(state[0])[:, :, None])
                shown = x[at] * (1.0 - mask) + pattern * mask
                logits = tf.reshape(net(tf.reshape(shown, (-1, *IMAGE))), (SOUGHT, _BATCH, CLASSES))
                losses = tf.nn.softmax_cross_entropy_with_logits(wanted, logits) * counts
                loss = tf.reduce_sum(losses, axis=1) / tf.maximum(many, 1.0)
                loss += price * tf.reduce_sum(mask, axis=(1, 2, 3, 4))
            slope = tape.gradient(loss, state)[0]
            read = tf.cast(tf.argmax(logits, axis=2, output_type=tf.int32) == aims, tf.float32)
            return at + 1, _stepped(state, slope, done + at + 1), hits + tf.reduce_sum(read * counts, 1), tried + many

        none = tf.zeros(SOUGHT)
        loop = tf.while_loop(
            lambda at, *_: at < tf.shape(x)[0], step, (tf.constant(0), state, none, none), parallel_iterations=1
        )
        return loop[1:]

    return run


def _stepped(state: tf.Tensor, slope: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The state after a step of Adam, the count-th, along the slope of its values."""
    values, means, squares = tf.unstack(state)
    means = _FIRST * means + (1.0 - _FIRST) * slope
    squares = _SECOND * squares + (1.0 - _SECOND) * tf.square(slope)
    count = tf.cast(count, tf.float32)
    way = (means / (1.0 - _FIRST**count)) / (tf.sqrt(squares / (1.0 - _SECOND**count)) + 1e-8)
    return tf.stack([values - _LENGTH * way, means, squares])
