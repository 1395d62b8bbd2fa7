"""Decoupled direction and norm."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import losses, lowering, norms
from core.attacks import _knobs, _smallest
from core.attacks._gradient import loss_gradient
from core.attacks.base import Attack, Task
from core.classifier import IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, COUNT, NUMBER, ROW

_SIGNATURE = [IMAGES, CLASS, CLASS, ROW, IMAGES, ROW, IMAGES, ROW, NUMBER, COUNT, COUNT, COUNT, COUNT]
_FIRST, _LAST = 1.0, 0.01  # the paper's step, from first to last along half a cosine


@dataclass(frozen=True, kw_only=True)
class DDN(Attack):
    r"""Step along the gradient on a sphere about the digit, and let the sphere shrink whenever the digit is fooled.

    $$\delta_{k+1} = \rho_{k+1} \frac{\delta_k + \alpha_k g_k}{\lVert \delta_k + \alpha_k g_k \rVert_2}, \qquad
    \rho_{k+1} = \begin{cases} (1 - \gamma)\,\rho_k & \text{fooled at } x + \delta_k \\
    (1 + \gamma)\,\rho_k & \text{else} \end{cases}$$

    g is the loss's gradient at length 1, α falls from 1 to 0.01 along half a cosine. Direction and norm are decoupled:
    no weight between them has to be searched for, as Carlini and Wagner's attack must, so a hundred gradients do what
    takes that one a thousand. The smallest change that fooled is kept. At the end, which the paper does not, that
    change is taken back along its own line to the border, by bisection: a few forward passes that are cheaper than a
    step.

    Rony et al., "Decoupling direction and norm for efficient gradient-based L2 adversarial attacks and defenses",
    CVPR 2019, https://arxiv.org/abs/1811.09600
    """

    title = "DDN"
    norms = ("l2",)
    knowledge = "gradient"
    minimises = True

    steps: int = _knobs.steps(100)
    gamma: float = knob(0.05, "γ", 0.005, 0.5, step=0.005, help="By how much the sphere shrinks or grows in a step")
    search_steps: int = _knobs.search_steps(6, "Bisections of the way back, at the end; the paper has none", low=0)
    loss: str = _knobs.loss()

    def run(self, task: Task) -> np.ndarray:
        n = len(task.x)
        graph = task.model.graph("ddn", lambda: _build(task.model), _SIGNATURE)
        far = norms.get("l2").size(np.maximum(task.x, 1 - task.x)).astype(np.float32)
        fixed = [task.x, task.labels, task.target, far]
        state = [task.x.copy(), np.ones(n, np.float32), task.x.copy(), np.full(n, _smallest.FAR, np.float32)]
        settings = [tf.constant(self.gamma, tf.float32), tf.constant(losses.index(self.loss)), tf.constant(self.steps)]
        stride = 1 if task.wants_path else -(-self.steps // 20) if task.watch else self.steps
        _smallest.loop(task, graph, fixed, state, settings, total=self.steps, stride=stride, best=2, shown=0)
        return _smallest.to_the_border(task, state[2], self.search_steps)


def _build(model: Classifier) -> Callable:
    norm = norms.get("l2")

    def run(clean, labels, target, far, x, radius, best, best_size, gamma, which, steps, first, count):
        net = lowering.forward(model.keras)

        def body(step, x, radius, best, best_size):
            logits, g, _ = loss_gradient(net, x, which, labels, target)
            hit = _smallest.is_hit(logits, labels, target)
            change = x - clean
            size = tf.sqrt(tf.reduce_sum(change * change, axis=(1, 2, 3)))
            best, best_size = _smallest.keep_smaller(hit, x, size, best, best_size)
            turn = tf.cos(np.pi * tf.cast(step, tf.float32) / tf.cast(steps, tf.float32))
            change += (_LAST + (_FIRST - _LAST) * (1 + turn) / 2) * norm.steepest(g)
            radius = tf.minimum(radius * tf.where(hit, 1 - gamma, 1 + gamma), far)
            change = norms.per_image(radius) * norm.steepest(change)
            return step + 1, tf.clip_by_value(clean + change, 0.0, 1.0), radius, best, best_size

        end = first + count
        state = tf.while_loop(
            lambda step, *_: step < end, body, (first, x, radius, best, best_size), parallel_iterations=1
        )
        return *state[1:], tf.zeros_like(labels, tf.bool)

    return run
