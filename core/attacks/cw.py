"""Carlini and Wagner's attack."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _knobs, _smallest, _weigh
from core.attacks._gradient import loss_gradient
from core.attacks.base import Attack, Task
from core.classifier import IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, COUNT, NUMBER, ROW

_SIGNATURE = [
    *(IMAGES, CLASS, CLASS),
    *(IMAGES, IMAGES, IMAGES, IMAGES, ROW, ROW, *_weigh.SIGNATURE),
    *(NUMBER, NUMBER, COUNT, COUNT, COUNT, COUNT),
]
_INSIDE = 0.999999  # exact 0 and 1 would lie at infinity in the tanh's space, and never move
_SNAP = 2e-6  # what that leaves on a pixel which did not move
_BETA, _GAMMA, _TINY = 0.9, 0.999, 1e-8  # Adam's
_BISECTIONS = 6


@dataclass(frozen=True, kw_only=True)
class CW(Attack):
    r"""Let an optimiser weigh how far the digit moves against how wrongly it is read, and search for the right weight.

    $$\min_w \lVert x' - x \rVert_2^2 + c \max\Big(z_y(x') - \max_{k \ne y} z_k(x') + \kappa,\; 0\Big),
    \qquad x' = \tfrac{1}{2}(\tanh w + 1)$$

    z are the logits, κ the confidence by which the digit is to be misread. The tanh keeps x' in the box without a
    clip, which Adam could not look through. For each digit the smallest c that fools is found by a binary search; the
    smallest change seen on the way is kept. Departures from the paper, all for speed: c is counted in units of the
    digit's first gradient, so that neither the network's scale nor a wrong first c costs anything; a descent starts
    from the best change so far, and a digit next to the border goes in shorter steps; the result is taken back to the
    border on a line. A descent that makes no progress for a tenth of its steps is left, as in the paper.

    Carlini and Wagner, "Towards evaluating the robustness of neural networks", IEEE S&P 2017,
    https://arxiv.org/abs/1608.04644
    """

    title = "Carlini–Wagner"
    norms = ("l2",)
    knowledge = "gradient"
    minimises = True

    steps: int = _knobs.steps(100)
    search_steps: int = _knobs.search_steps(5, "How many weights c are tried for each digit")
    learning_rate: float = knob(0.1, "Learning rate", 0.01, 1.0, step=0.01, help="Adam's step in the tanh's space")
    confidence: float = _knobs.confidence()

    def run(self, task: Task) -> np.ndarray:
        n, x = len(task.x), task.x
        graph = task.model.graph("cw", lambda: _build(task.model), _SIGNATURE)
        w = np.arctanh((2 * x - 1) * np.float32(_INSIDE))
        far, unknown = np.full(n, _smallest.FAR, np.float32), np.zeros(n, np.float32)
        state = [w, np.zeros_like(x), np.zeros_like(x), x.copy(), far, unknown]
        settings = [float(each) for each in (self.learning_rate, self.confidence)]
        _weigh.search(task, graph, state, 3, settings, steps=self.steps, searches=self.search_steps)
        best = np.where(np.abs(state[3] - x) < _SNAP, x, state[3])
        return _smallest.to_the_border(task, best, _BISECTIONS, self.confidence)


def _build(model: Classifier) -> Callable:
    norm = norms.get("l2")

    def norm_of(change):
        return tf.sqrt(tf.reduce_sum(change * change, axis=(1, 2, 3)))

    def run(clean, labels, target, w, mean, power, best, best_size, pace, *rest):
        *state, rate, confidence, steps, searches, first, count = rest
        net = lowering.forward(model.keras)

        # How far Adam's first step, which moves every w alike, moves a digit for each unit of the rate.
        sway = norm_of((1 - tf.square((2 * clean - 1) * _INSIDE)) / 2)

        def body(step, w, mean, power, best, best_size, pace, weight):
            tanh = tf.tanh(w)
            x = (tanh + 1) / 2
            logits, g, _ = loss_gradient(net, x, tf.constant(losses.index("margin")), labels, target)
            margin = losses.margin(logits, labels, target)
            done, hit = weight.searches >= searches, margin > confidence
            change = x - clean
            size = norm_of(change)
            best, best_size = _smallest.keep_smaller(hit & ~done, x, size, best, best_size)
            weight_ = _weigh.measure(weight, g, norm)
            short = tf.math.divide_no_nan(tf.maximum(confidence - margin, 0.0), weight_.unit)
            # At first that is a guess at the distance: next to the border the usual c and steps would be far too large.
            pace = tf.where(pace > 0, pace, tf.minimum(rate, tf.math.divide_no_nan(short, sway)))
            c = tf.where(weight.unit > 0, weight.c, weight.c * tf.minimum(short, 1.0))
            weight_ = weight_._replace(c=c)
            force = _weigh.pull(weight_, g, hit)
            age = tf.cast(weight.age + 1, tf.float32)
            weight_, over = _weigh.turn(weight_, hit, size * size + weight_.c * short, steps)
            # Adam (Kingma and Ba, 2015), with a clock for each image.
            slope = (2 * change - force) * (1 - tanh * tanh) / 2
            mean = _BETA * mean + (1 - _BETA) * slope
            power = _GAMMA * power + (1 - _GAMMA) * slope * slope
            drift, spread = (1 - tf.pow(each, age) for each in (_BETA, _GAMMA))
            move = mean / norms.per_image(drift) / (tf.sqrt(power / norms.per_image(spread)) + _TINY)
            w -= norms.per_image(pace) * move
            fresh = norms.per_image(over)
            w = tf.where(fresh, tf.atanh((2 * best - 1) * _INSIDE), w)
            mean, power = (tf.where(fresh, 0.0, each) for each in (mean, power))
            weight = _weigh.Weight(*(tf.where(done, a, b) for a, b in zip(weight, weight_, strict=True)))
            return step + 1, w, mean, power, best, best_size, pace, weight

        end = first + count
        state = (first, w, mean, power, best, best_size, pace, _weigh.Weight(*state))
        *moved, weight = tf.while_loop(lambda step, *_: step < end, body, state, parallel_iterations=1)[1:]
        return *moved, *weight, weight.searches >= searches

    return run
