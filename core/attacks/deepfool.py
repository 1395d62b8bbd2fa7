"""DeepFool."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from core import lowering, norms
from core.attacks import _knobs, _smallest
from core.attacks._hyperplane import length, nearest_border
from core.attacks.base import Attack, Task
from core.classifier import IMAGES, Classifier
from core.knobs import knob
from core.specs import CLASS, COUNT, NUMBER

_SIGNATURE = [IMAGES, CLASS, CLASS, IMAGES, IMAGES, NUMBER, COUNT, COUNT, COUNT]
_STRIDE = 2  # steps between two looks at who is fooled: most need three or four
_PAST = 1e-6  # of the largest logit: how far behind the plane a step aims, so that no step is nothing


@dataclass(frozen=True, kw_only=True)
class DeepFool(Attack):
    r"""Take the network for linear, step to the nearest of its borders, look again, until the digit is read otherwise.

    $$k^* = \arg\min_{k \ne y} \frac{z_y - z_k}{\lVert w_k \rVert_*}, \qquad
    r_i = \frac{z_y - z_{k^*}}{\lVert w_{k^*} \rVert_*}\, d(w_{k^*}), \qquad
    x' = \mathrm{clip}\Big(x + (1 + \eta) \sum_i r_i\Big), \qquad w_k = \nabla_x (z_k - z_y)$$

    z are the logits. In L2 the dual norm is L2 and d(w) is w at length 1; in L∞ it is L1, and d(w) the sign of w. The
    overshoot η is what carries the digit across the border; the network is asked behind it. Most of a digit's pixels
    stand at the edge of [0, 1], where a step is cut short: the next one takes up the rest, and has looked again before.
    (Steps as long as the box allows cross the border sooner, and farther away.) Quick, and close to the smallest
    change, but never sure to be it: it stops at the first border it crosses.

    Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool: a simple and accurate method to fool deep neural networks",
    CVPR 2016, https://arxiv.org/abs/1511.04599
    """

    title = "DeepFool"
    norms = ("l2", "linf")
    knowledge = "gradient"
    minimises = True
    targetable = False

    steps: int = _knobs.steps(50)
    overshoot: float = knob(0.02, "Overshoot", 0.0, 0.5, step=0.01, help="By how much the whole change is made longer")
    candidates: int = knob(
        10, "Classes", 2, 10, help="The likeliest classes whose borders are looked at, its own included"
    )

    def run(self, task: Task) -> np.ndarray:
        graph = task.model.graph(("deepfool", task.norm.name), lambda: _build(task.model, task.norm), _SIGNATURE)
        state = [task.x.copy(), np.zeros_like(task.x)]
        _smallest.loop(
            task,
            graph,
            [task.x, task.labels, task.target],
            state,
            [tf.constant(self.overshoot, tf.float32), tf.constant(self.candidates - 1)],
            total=self.steps,
            stride=1 if task.wants_path else _STRIDE,
            best=0,
            gradients=self.candidates - 1,
        )
        return _smallest.to_the_border(task, state[0], 0)


def _build(model: Classifier, norm: norms.Norm) -> Callable:
    def run(clean, labels, target, x, total, overshoot, rivals, first, count):
        net = lowering.forward(model.keras)

        def body(step, x, total, done):
            logits, gap, w = nearest_border(net, norm.name, x, labels, rivals)
            gain = length(norms.DUAL[norm.name], w)  # of a step of length 1
            # Without any gradient there is nowhere to go.
            done |= _smallest.is_hit(logits, labels, target) | (gain == 0)
            stay = norms.per_image(done)
            distance = tf.math.divide_no_nan(gap + _PAST * tf.reduce_max(tf.abs(logits), axis=1), gain)
            total = tf.where(stay, total, norm.step(total, w, distance))
            return step + 1, tf.where(stay, x, tf.clip_by_value(clean + (1 + overshoot) * total, 0.0, 1.0)), total, done

        end = first + count
        state = (first, x, total, tf.zeros_like(labels, tf.bool))
        return tf.while_loop(lambda step, *_: step < end, body, state, parallel_iterations=1)[1:]

    return run
