"""Min of size + c * loss for the smallest c that works: the search for c, image by image, inside a compiled loop.

Carlini and Wagner's attack and the elastic net are this search around two different descents. Every image keeps its
own clock: one that stands still, or has had its steps, halves its bracket of c and starts the next descent at once,
while its batch mates go on with theirs.
"""

# TensorFlow's stubs know no arithmetic between a tensor and what may be one.
# pyright: reportOperatorIssue=false, reportArgumentType=false

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from core import norms
from core.attacks import _smallest
from core.attacks.base import Task
from core.specs import CLASS, MARK, ROW

_FIRST = 30.0  # the first c: on the shipped network the last one is between 0.4 and 10
_STRIDE = 25  # steps between two looks at who is done
_GROWTH = 10.0  # c times that, until it works for the first time
_STILL = 0.9999  # a tenth of the steps must bring the loss below that share of itself
_CHECKS = 10


class Weight(NamedTuple):
    """All that the search knows of each image, all (n,).

    c: the weight on trial, low and high: its bracket; unit: the length of the first gradient, which c is counted in, so
    that the logits' scale does not matter; age: steps into this descent; hit: whether it has found anything yet; least,
    mark: the smallest objective of this descent, now and at the last check; searches: descents finished.
    """

    c: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor
    unit: tf.Tensor
    age: tf.Tensor
    hit: tf.Tensor
    least: tf.Tensor
    mark: tf.Tensor
    searches: tf.Tensor


SIGNATURE = [ROW, ROW, ROW, ROW, CLASS, MARK, ROW, ROW, CLASS]


def _start(count: int) -> list[np.ndarray]:
    """The state of `count` images before their first descent: arrays in the order of a Weight's fields."""
    begin = {"c": _FIRST, "high": np.inf, "least": _smallest.FAR, "mark": _smallest.FAR}
    kinds = [each.dtype.as_numpy_dtype for each in SIGNATURE]
    return [np.full(count, begin.get(name, 0), kind) for name, kind in zip(Weight._fields, kinds, strict=True)]


def search(
    task: Task,
    graph: Callable,
    state: list[np.ndarray],
    best: int,
    settings: Sequence[Any],
    *,
    steps: int,
    searches: int,
) -> None:
    """Run an attack's graph until each image has had its `searches` descents of at most `steps` steps.

    graph(x, labels, target, *state, *Weight, *settings, steps, searches, first, count); state[best] holds the smallest
    changes that fool so far, and is moved in place with the rest.
    """
    _smallest.loop(
        task,
        graph,
        [task.x, task.labels, task.target],
        [*state, *_start(len(task.x))],
        [*(tf.constant(each) for each in settings), tf.constant(steps), tf.constant(searches)],
        total=steps * searches,
        stride=_STRIDE,
        best=best,
    )


def measure(weight: Weight, g: tf.Tensor, norm: norms.Norm) -> Weight:
    """The state with the unit of c known: the length of the first gradient g of the margin, in the dual norm."""
    length = tf.reduce_sum(g * norm.steepest(g), axis=(1, 2, 3))
    return weight._replace(unit=tf.where(weight.unit > 0, weight.unit, length))


def pull(weight: Weight, g: tf.Tensor, hit: tf.Tensor) -> tf.Tensor:
    """The gradient of c * max(confidence - margin, 0), downhill, from the margin's g: none where it is a hit."""
    force = tf.where(hit, 0.0, tf.math.divide_no_nan(weight.c, weight.unit))
    return norms.per_image(force) * g


def turn(weight: Weight, hit: tf.Tensor, value: tf.Tensor, steps: tf.Tensor) -> tuple[Weight, tf.Tensor]:
    """One step further: the state, and which images (n,) end a descent here and start the next.

    value: the objective (n,) in this step.
    """
    age, found = weight.age + 1, weight.hit | hit
    check = age % tf.maximum(steps // _CHECKS, 1) == 0
    least = tf.minimum(weight.least, value)
    over = (age >= steps) | (check & ~(least <= _STILL * weight.mark))
    high = tf.where(over & found, tf.minimum(weight.high, weight.c), weight.high)
    low = tf.where(over & ~found, tf.maximum(weight.low, weight.c), weight.low)
    c = tf.where(high < np.inf, (low + high) / 2, tf.minimum(weight.c * _GROWTH, 1e10))
    return (
        Weight(
            c=tf.where(over, c, weight.c),
            low=low,
            high=high,
            unit=weight.unit,
            age=tf.where(over, 0, age),
            hit=found & ~over,
            least=tf.where(over, _smallest.FAR, least),
            mark=tf.where(over, _smallest.FAR, tf.where(check, least, weight.mark)),
            searches=weight.searches + tf.cast(over, tf.int32),
        ),
        over,
    )
