"""The Jacobian saliency map attack."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _smallest
from core.attacks._gradient import pulled_back
from core.attacks.base import Attack, Task
from core.classifier import CLASSES, IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, COUNT, FLAG, NUMBER, ROW

_REPORTS = 20  # how often a run tells of its progress, about
_LOOK = 6  # pairs between two looks at who is fooled

_SIGNATURE = [IMAGES, *[CLASS] * 3, ROW, IMAGES, IMAGES, ROW, NUMBER, COUNT, FLAG, COUNT, COUNT]
_WAYS = ("lighten", "darken", "both")


@dataclass(frozen=True, kw_only=True)
class JSMA(Attack):
    r"""Change two pixels at a time, the pair that does most for one class and most against all the others.

    $$(p, q) = \arg\max_{p \ne q} \Big(\sum_{i \in \{p, q\}} s_i \frac{\partial F_t}{\partial x_i}\Big)
    \Big(-\sum_{i \in \{p, q\}} s_i \sum_{j \ne t} \frac{\partial F_j}{\partial x_i}\Big)
    \;\text{ where both factors are positive}, \qquad x_i \leftarrow x_i + s_i \theta$$

    F are the probabilities, or the logits; s is the sign of the move. Of the probabilities one factor is the other with
    a minus; of the logits they are two, but classes that are out of the question weigh as much as the rival. The map is
    drawn anew after each pair; of all 300,000 pairs the best is found exactly. Where no pair does both, the two pixels
    that serve the difference best are taken, where the paper gives up; it also gives up at 14.5 % of the pixels.
    Without a target it tries the likeliest other classes one after another, and any wrong class counts.

    Papernot et al., "The limitations of deep learning in adversarial settings", EuroS&P 2016,
    https://arxiv.org/abs/1511.07528
    """

    title = "JSMA"
    norms = ("l0",)
    knowledge = "gradient"
    minimises = True

    theta: float = knob(1.0, "Stroke", 0.05, 1.0, step=0.05, help="How far a pixel moves each time it is chosen, θ")
    way: str = knob(
        "lighten", "Pixels may", choices=_WAYS, help="Only gain ink, as in the paper, only lose it, or both"
    )
    softmax: bool = knob(True, "Of the softmax", help="Map the probabilities' gradients, not those of the logits")
    targets: int = knob(3, "Classes in turn", 1, CLASSES - 1, help="So many of the likeliest other classes are tried")
    share: float = knob(
        0.3, "Largest share", 0.01, 1.0, step=0.005, help="Share of the pixels that may change before it gives up, γ"
    )

    def run(self, task: Task) -> np.ndarray:
        n, logits = len(task.x), task.logits(task.x)
        rows = np.flatnonzero(task.margin(logits) <= 0)
        order = np.argsort(-logits, axis=1, kind="stable")
        rivals = order[order != task.labels[:, None]].reshape(n, CLASSES - 1).astype(np.int32)
        aimed = task.target >= 0
        runs = 1 if aimed.any() else self.targets
        # A pair may need its pixels more than once: as many steps as it takes to fill all that are allowed.
        pairs = int(np.ceil(self.share * norms.PIXELS / 2) * np.ceil(1 / self.theta))
        graph = task.model.graph("jsma", lambda: _build(task.model), _SIGNATURE)
        best = [task.x.copy(), np.full(n, _smallest.FAR, np.float32)]
        stride = 1 if task.wants_path else min(_LOOK, -(-pairs * runs // _REPORTS)) if task.watch else _LOOK
        for turn in range(runs):
            goal = np.where(aimed, task.target, rivals[:, turn])
            # Fewer pixels than an earlier class has needed.
            most = np.minimum(self.share * norms.PIXELS, best[1] - 1).astype(np.float32)
            _smallest.loop(
                task,
                graph,
                [task.x, task.labels, task.target, goal, most],
                [task.x.copy(), *best],
                [tf.constant(self.theta, tf.float32), tf.constant(_WAYS.index(self.way)), tf.constant(self.softmax)],
                total=pairs,
                stride=stride,
                best=1,
                shown=0,
                gradients=2,
                rows=rows,
                before=turn * pairs,
                whole=runs * pairs,
            )
            if task.stopped:
                break
        return best[0]


def _build(model: Classifier) -> Callable:
    def run(clean, labels, target, goal, most, x, best, size, theta, way, softmax, first, count):
        net = lowering.forward(model.keras)
        lighten, darken = way != 1, way != 0

        def jacobian(x):
            with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
                tape.watch(x)
                logits = net(x)
            aim = tf.one_hot(goal, CLASSES)
            likely, _ = losses.slope(tf.constant(losses.index("cross_entropy")), logits, labels, goal)
            slopes = [tf.where(softmax, likely, each) for each in (aim, aim - 1.0)]
            both = [pulled_back(tape, logits, x, each) for each in slopes]  # type: ignore[call-overload]
            return logits, *(tf.reshape(each, (-1, norms.PIXELS)) for each in both)

        def changed(x):
            return tf.reduce_sum(tf.cast(tf.not_equal(x, clean), tf.float32), axis=(1, 2, 3))

        def body(step, x, best, size, done):
            logits, gain, relief = jacobian(x)
            hit = _smallest.is_sure(logits, labels, target)
            best, size = _smallest.keep_smaller(hit, x, changed(x), best, size)

            flat, origin = (tf.reshape(each, (-1, norms.PIXELS)) for each in (x, clean))
            # Nothing goes back: a pixel that has been lightened may only be lightened further.
            room = [(flat < 1) & (flat >= origin) & lighten, (flat > 0) & (flat <= origin) & darken]
            stroke = _best_pair(gain, relief, room)
            there = tf.reshape(tf.clip_by_value(flat + theta * stroke, 0.0, 1.0), tf.shape(x))
            done |= hit | tf.reduce_all(stroke == 0, axis=1) | (changed(there) > most)
            return step + 1, tf.where(norms.per_image(done), x, there), best, size, done

        state, end = (first, x, best, size, tf.zeros_like(labels, tf.bool)), first + count
        state = tf.while_loop(lambda step, *_: step < end, body, state, parallel_iterations=1)
        return state[1:]

    return run


def _best_pair(gain: tf.Tensor, relief: tf.Tensor, room: list[tf.Tensor]) -> tf.Tensor:
    """How each pixel moves (n, 784): two of them by +1 or -1, none where no pair does any good.

    gain, relief: (n, 784), by how much the target's logit rises and the others' fall as a pixel gets lighter; room:
    whether it may get lighter, and darker. A move that two others beat in both respects is in no best pair: few moves
    are left, and all their pairs are compared.
    """
    largest = tf.reduce_max(tf.maximum(tf.abs(gain), tf.abs(relief)), axis=1, keepdims=True)
    gain, relief = (tf.math.divide_no_nan(each, largest) for each in (gain, relief))
    may = tf.concat(room, axis=1)
    a, b = (tf.where(may, tf.concat([each, -each], axis=1), -np.inf) for each in (gain, relief))
    ranked = tf.math.top_k(a, k=2 * norms.PIXELS)
    order, b = ranked.indices, tf.gather(b, ranked.indices, batch_dims=1)
    best = _running_max(b)
    second = _running_max(tf.minimum(b, _later(best)))
    front = tf.cast((b >= _later(second)) & (b > -np.inf), tf.float32)

    width = tf.maximum(tf.cast(tf.reduce_max(tf.reduce_sum(front, axis=1)), tf.int32), 2)
    kept = tf.math.top_k(front, k=width)
    order, b = (tf.gather(each, kept.indices, batch_dims=1) for each in (order, b))
    a = tf.gather(ranked.values, kept.indices, batch_dims=1)
    rises, falls = (tf.where(kept.values > 0, each, -np.inf) for each in (a, b))
    rises, falls = (each[:, :, None] + each[:, None, :] for each in (rises, falls))
    pair = tf.linalg.band_part(tf.ones((width, width)), 0, -1) - tf.eye(width) > 0
    both = tf.where(pair & (rises > 0) & (falls > 0), rises * falls, -np.inf)
    either = tf.where(pair & (rises + falls > 0), rises + falls, -np.inf)
    both, either = (tf.reshape(each, (-1, width * width)) for each in (both, either))
    score = tf.where(tf.reduce_max(both, axis=1, keepdims=True) > 0, both, either)
    place = tf.argmax(score, axis=1, output_type=tf.int32)
    good = tf.cast(tf.reduce_max(score, axis=1) > -np.inf, tf.float32)

    def stroke(which: tf.Tensor) -> tf.Tensor:
        move = tf.gather(order, which, batch_dims=1)
        return (
            tf.one_hot(tf.math.floormod(move, norms.PIXELS), norms.PIXELS)
            * tf.where(move < norms.PIXELS, good, -good)[:, None]
        )

    return stroke(place // width) + stroke(tf.math.floormod(place, width))


def _later(values: tf.Tensor) -> tf.Tensor:
    """values (n, k), moved on by one place; -inf comes first."""
    return tf.pad(values[:, :-1], [[0, 0], [1, 0]], constant_values=-np.inf)


def _running_max(values: tf.Tensor) -> tf.Tensor:
    """The largest value up to each place of (n, 2 * 784), by doubling the reach."""
    reach = 1
    while reach < 2 * norms.PIXELS:
        values = tf.maximum(values, tf.pad(values[:, :-reach], [[0, 0], [reach, 0]], constant_values=-np.inf))
        reach *= 2
    return values
