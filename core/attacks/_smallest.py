"""What attacks that look for the smallest change share: the loop in parts, and the walk back to the border at its end.

An attack's own graph holds all of an image's state as tensors and steps every image of a part by `count` steps at
once; here is the part of it that is in Python: who is still at it, who watches, what is kept.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from core import losses
from core.attacks._parts import side_by_side
from core.attacks.base import Task

_LONGER = 1e-4  # how much farther a change goes first that is not surely enough; doubled until it is
_DOUBLINGS = 8

FAR = 1e30  # the size of a change that was not found yet


def is_hit(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor, confidence: tf.Tensor | float = 0.0) -> tf.Tensor:
    """Whether the margin exceeds `confidence`, in logits: (n,) bool. Equal logits fool nobody, NaN neither."""
    return losses.margin(logits, labels, target) > confidence


def is_sure(logits: tf.Tensor, labels: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Whether the margin is more than rounding could make or undo: (n,) bool."""
    return is_hit(logits, labels, target, losses.ROUNDING * tf.reduce_max(tf.abs(logits), axis=1))


def keep_smaller(
    hit: tf.Tensor, x: tf.Tensor, size: tf.Tensor, best: tf.Tensor, best_size: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """best (n, 28, 28, 1) and best_size (n,), with x in place of it where x is a hit and smaller."""
    better = hit & (size < best_size)
    return tf.where(better[:, None, None, None], x, best), tf.where(better, size, best_size)


def loop(
    task: Task,
    graph: Callable,
    fixed: Sequence[np.ndarray],
    state: Sequence[np.ndarray],
    settings: Sequence[tf.Tensor],
    *,
    total: int,
    stride: int,
    best: int,
    shown: int | None = None,
    gradients: int = 1,
    forwards: int = 0,
    rows: np.ndarray | None = None,
    before: int = 0,
    whole: int | None = None,
) -> None:
    """Step every image until it is done, or `total` steps are; `state` is moved in place.

    graph(*fixed, *state, *settings, first, count) -> (*state, done (k,) bool) for the rows of a part: `count` steps
    from step `first` on, each of so many gradients, and so many forwards besides. stride: steps between two looks at
    who is done. best, shown: the numbers of those states that are the best images so far, and the images to keep on
    the path. rows: which images, all by default. before, whole: where these steps stand among the steps of several
    runs, for whoever watches.
    """
    active = np.arange(len(task.x)) if rows is None else rows
    active = active[task.eps[active] > 0]
    if not task.path:
        task.keep(task.x)
    if not len(active):
        task.report(before + total, whole or total, state[best])
        return
    for first in range(0, total, stride):
        count = min(stride, total - first)

        def advance(part: np.ndarray, first: int = first, count: int = count) -> np.ndarray:
            given = [each[part] for each in (*fixed, *state)]
            *moved, done = graph(*given, *settings, tf.constant(first), tf.constant(count))
            for each, new in zip(state, moved, strict=True):
                each[part] = new.numpy()
            return part[~done.numpy()]

        left = np.concatenate(side_by_side(advance, active))
        task.spend(gradients=count * gradients, forwards=count * forwards, rows=active)
        active = left
        task.keep(state[best if shown is None else shown])
        over = first + count >= total or not len(active)
        if not task.report(before + (total if over else first + count), whole or total, state[best]) or over:
            break


def to_the_border(task: Task, x: np.ndarray, steps: int, confidence: float = 0.0) -> np.ndarray:
    """x (n, 28, 28, 1), each image moved on the line from its original to where it is just, but surely, fooled.

    `steps` bisections take a change back as far as it goes. One that is fooled by less than rounding, so that the judge
    might see it otherwise, is made a little longer instead. Images equal to their originals stay. confidence: the
    margin, in logits, by which an image has to be fooled.
    """
    moved = np.flatnonzero((x != task.x).any(axis=(1, 2, 3)))
    if not len(moved):
        return x
    clean, change = task.x[moved], x[moved] - task.x[moved]
    scale = np.abs(task.logits(clean, moved)).max(axis=1)
    best, high = x[moved], np.ones(len(moved), np.float32)

    def surely(share: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Keep clean + share * change where it is surely fooled, for some of the moved images: which of them are."""
        there = np.clip(clean[which] + share[:, None, None, None] * change[which], 0, 1)
        logits = task.logits(there, moved[which])
        slack = losses.ROUNDING * np.maximum(scale[which], np.abs(logits).max(axis=1))
        well = task.margin(logits, moved[which]) > confidence + slack
        best[which[well]] = there[well]
        return well

    doubtful = np.arange(len(moved))
    for doubling in range(_DOUBLINGS + 1):
        doubtful = doubtful[~surely(high[doubtful], doubtful)]
        high[doubtful] = 1 + _LONGER * 2**doubling
        if not len(doubtful):
            break
    held = np.setdiff1d(np.arange(len(moved)), doubtful)
    low = np.zeros_like(high)
    for _ in range(steps if len(held) else 0):
        middle = (low + high) / 2
        well = surely(middle[held], held)
        high[held[well]], low[held[~well]] = middle[held[well]], middle[held[~well]]
    x = x.copy()
    x[moved] = best
    return x
