"""The elastic-net attack."""

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
from core.specs import CLASS, COUNT, FLAG, NUMBER, ROW

_SIGNATURE = [
    *(IMAGES, CLASS, CLASS),
    *(IMAGES, IMAGES, IMAGES, ROW, *_weigh.SIGNATURE),
    *(NUMBER, NUMBER, NUMBER, FLAG, COUNT, COUNT, COUNT, COUNT),
]
_BISECTIONS = 6


@dataclass(frozen=True, kw_only=True)
class EAD(Attack):
    r"""Punish each pixel's change itself besides its square, so that most pixels stay exactly as they are.

    $$\min_{x'} \; c \max\Big(z_y(x') - \max_{k \ne y} z_k(x') + \kappa,\; 0\Big) + \beta \lVert x' - x \rVert_1
    + \lVert x' - x \rVert_2^2, \qquad x' \in [0, 1]^{784}$$

    The attack of Carlini and Wagner with the elastic net of statistics in place of the square alone: c is searched for
    in the same way. FISTA (Beck and Teboulle, 2009) takes a gradient step, moves each pixel back towards the digit by
    β times the step, to it if it is nearer than that, and adds momentum. Among the changes that fool, the one smallest
    by the rule is kept: in L1, or in the elastic net. Here the network is asked where the gradient is taken anyway, at
    the point with momentum in it, which saves the paper's second forward pass; and as in our other attacks of this
    kind c is counted in units of the first gradient, and the result is taken back to the border on a line.

    Chen et al., "EAD: elastic-net attacks to deep neural networks via adversarial examples", AAAI 2018,
    https://arxiv.org/abs/1709.04114
    """

    title = "EAD"
    norms = ("l1",)
    knowledge = "gradient"
    minimises = True

    steps: int = _knobs.steps(100)
    search_steps: int = _knobs.search_steps(5, "How many weights c are tried for each digit")
    beta: float = knob(2.0, "β", 0.0, 10.0, step=0.1, help="Weight of the L1 norm beside the squared L2 norm")
    learning_rate: float = knob(0.02, "Learning rate", 0.001, 0.2, step=0.001, help="FISTA's first step; it falls to 0")
    rule: str = knob("l1", "Keep", choices=("l1", "elastic net"), help="By which measure the smallest change is kept")
    confidence: float = _knobs.confidence()

    def run(self, task: Task) -> np.ndarray:
        n, x = len(task.x), task.x
        graph = task.model.graph("ead", lambda: _build(task.model), _SIGNATURE)
        state = [x.copy(), x.copy(), x.copy(), np.full(n, _smallest.FAR, np.float32)]
        settings = [*(float(each) for each in (self.learning_rate, self.beta, self.confidence)), self.rule == "l1"]
        _weigh.search(task, graph, state, 2, settings, steps=self.steps, searches=self.search_steps)
        return _smallest.to_the_border(task, state[2], _BISECTIONS, self.confidence)


def _build(model: Classifier) -> Callable:
    norm = norms.get("l1")

    def run(clean, labels, target, x, y, best, best_size, *rest):
        *state, rate, beta, confidence, by_l1, steps, searches, first, count = rest
        net = lowering.forward(model.keras)

        def body(step, x, y, best, best_size, weight):
            logits, g, _ = loss_gradient(net, y, tf.constant(losses.index("margin")), labels, target)
            margin = losses.margin(logits, labels, target)
            done, hit = weight.searches >= searches, margin > confidence
            change = y - clean
            square, total = (tf.reduce_sum(each, axis=(1, 2, 3)) for each in (change * change, tf.abs(change)))
            net_size = square + beta * total
            best, best_size = _smallest.keep_smaller(hit & ~done, y, tf.where(by_l1, total, net_size), best, best_size)
            weight_ = _weigh.measure(weight, g, norm)
            force = _weigh.pull(weight_, g, hit)
            short = tf.math.divide_no_nan(tf.maximum(confidence - margin, 0.0), weight_.unit)
            weight_, over = _weigh.turn(weight_, hit, net_size + weight_.c * short, steps)
            age = tf.cast(weight.age, tf.float32)
            length = norms.per_image(rate * tf.sqrt(tf.maximum(1 - age / tf.cast(steps, tf.float32), 0.0)))
            change -= length * (2 * change - force)
            change = tf.sign(change) * tf.maximum(tf.abs(change) - length * beta, 0.0)
            there = tf.clip_by_value(clean + change, 0.0, 1.0)
            ahead = tf.clip_by_value(there + norms.per_image(age / (age + 3)) * (there - x), 0.0, 1.0)
            fresh = norms.per_image(over)
            x, y = (tf.where(fresh, best, each) for each in (there, ahead))
            weight = _weigh.Weight(*(tf.where(done, a, b) for a, b in zip(weight, weight_, strict=True)))
            return step + 1, x, y, best, best_size, weight

        end = first + count
        state = (first, x, y, best, best_size, _weigh.Weight(*state))
        *moved, weight = tf.while_loop(lambda step, *_: step < end, body, state, parallel_iterations=1)[1:]
        return *moved, *weight, weight.searches >= searches

    return run
