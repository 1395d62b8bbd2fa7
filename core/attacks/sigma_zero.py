"""Sigma-zero."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _smallest
from core.attacks._gradient import loss_gradient
from core.attacks.base import Attack, Task
from core.classifier import IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, COUNT, NUMBER, ROW

_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8  # Adam's own constants
_SLOWEST = 0.1  # the learning rate at the end, as a share of that at the start

_SIGNATURE = [IMAGES, CLASS, CLASS, *[IMAGES] * 3, ROW, IMAGES, ROW, *[NUMBER] * 3, *[COUNT] * 3]


@dataclass(frozen=True, kw_only=True)
class SigmaZero(Attack):
    r"""Let a smooth stand-in count the changed pixels, go down its gradient, and cut off whatever stays small.

    $$\min_\delta\; \max\big(z_y - \max_{j \ne y} z_j,\, 0\big)
    + \frac{1}{d} \sum_i \frac{\delta_i^2}{\delta_i^2 + \sigma}, \qquad
    \delta_i \leftarrow 0 \;\text{ where } |\delta_i| < \tau$$

    Adam steps along the gradient, brought to a largest entry of 1. The threshold τ rises while the digit is fooled, so
    that fewer pixels stay, and falls while it is not; both slow down along a cosine. Of the networks' logits only the
    direction of their gradient is used, which keeps the balance of the two terms on any scale; the paper adds the
    margin as it is.

    Cinà et al., "σ-zero: gradient-based optimization of ℓ0-norm adversarial examples", ICLR 2025,
    https://arxiv.org/abs/2402.01879
    """

    title = "σ-zero"
    norms = ("l0",)
    knowledge = "gradient"
    minimises = True

    steps: int = knob(200, "Steps", 1, 1000, help="Gradient steps")
    learning_rate: float = knob(1.0, "Learning rate", 0.1, 2.0, step=0.1, help="Adam's, at the first step")
    sigma: float = knob(0.001, "Softness", 0.0001, 0.1, step=0.0001, help="How far a pixel counts as half changed, σ")
    threshold: float = knob(0.3, "First threshold", 0.0, 0.9, step=0.05, help="Changes below it go back to nothing, τ")
    adaptation: float = knob(0.01, "Adaptation", 0.001, 0.1, step=0.001, help="By how much τ moves in a step, at first")

    def run(self, task: Task) -> np.ndarray:
        n = len(task.x)
        graph = task.model.graph("sigma_zero", lambda: _build(task.model), _SIGNATURE)
        nothing = [np.zeros_like(task.x) for _ in range(2)]
        first = np.full(n, self.threshold, np.float32)
        best = [task.x.copy(), np.full(n, _smallest.FAR, np.float32)]
        knobs = (self.learning_rate, self.sigma, self.adaptation)
        _smallest.loop(
            task,
            graph,
            [task.x, task.labels, task.target],
            [task.x.copy(), *nothing, first, *best],
            [*(tf.constant(each, tf.float32) for each in knobs), tf.constant(self.steps)],
            total=self.steps,
            stride=1 if task.wants_path else -(-self.steps // 20) if task.watch else self.steps,
            best=4,
            shown=0,
        )
        return best[0]


def _build(model: Classifier) -> Callable:
    def run(clean, labels, target, x, slope, square, least, best, size, rate, sigma, adaptation, steps, first, count):
        net = lowering.forward(model.keras)
        which = tf.constant(losses.index("margin"))

        def pace(step):
            turn = tf.cos(np.pi * tf.cast(step, tf.float32) / tf.cast(steps, tf.float32))
            return rate * (_SLOWEST + (1 - _SLOWEST) * (1 + turn) / 2)

        def body(step, x, slope, square, least, best, size):
            change = x - clean
            logits, g, _ = loss_gradient(net, x, which, labels, target)
            pixels = tf.reduce_sum(tf.cast(tf.not_equal(change, 0.0), tf.float32), axis=(1, 2, 3))
            hit = _smallest.is_sure(logits, labels, target)
            best, size = _smallest.keep_smaller(hit, x, pixels, best, size)

            count_slope = 2 * sigma * change / (change * change + sigma) ** 2 / norms.PIXELS
            g = _largest_one(count_slope - tf.where(norms.per_image(hit), 0.0, _largest_one(g)))
            slope = _FIRST * slope + (1 - _FIRST) * g
            square = _SECOND * square + (1 - _SECOND) * g * g
            done = tf.cast(step + 1, tf.float32)
            mean, spread = slope / (1 - _FIRST**done), tf.sqrt(square / (1 - _SECOND**done))
            change = tf.clip_by_value(x - pace(step) * mean / (spread + _TINY), 0.0, 1.0) - clean
            least += tf.where(hit, adaptation, -adaptation) * pace(step + 1)
            least = tf.clip_by_value(least, 0.0, 1.0)
            x = clean + tf.where(tf.abs(change) < norms.per_image(least), 0.0, change)
            return step + 1, x, slope, square, least, best, size

        state, end = (first, x, slope, square, least, best, size), first + count
        state = tf.while_loop(lambda step, *_: step < end, body, state, parallel_iterations=1)
        return *state[1:], tf.zeros_like(labels, tf.bool)

    return run


def _largest_one(g: tf.Tensor) -> tf.Tensor:
    """g (n, 28, 28, 1) with its largest entry at 1 or -1 in every image; 0 where g is 0 or no number."""
    g = tf.math.divide_no_nan(g, tf.reduce_max(tf.abs(g), axis=(1, 2, 3), keepdims=True))
    return tf.where(tf.math.is_finite(g), g, 0.0)
